/* upload.h - the files of a folder on their way into a draft.
 *
 * Every file is hashed here first; the digest travels with the bytes
 * (Repr-Digest, RFC 9530), so the registry refuses what arrives changed. A file
 * that the draft has already with the same digest is not sent again, and one
 * that the folder has no more is taken out.
 */
#ifndef HALLMARK_CLI_UPLOAD_H
#define HALLMARK_CLI_UPLOAD_H

#include "cli/folder.h"
#include "cli/server.h"

struct upload {
	int root; /* the folder */
	struct folder files;
	unsigned char (*sha256)[32]; /* of each file, after upload_hash() */
	int64_t bytes;
	size_t sent; /* files, set by upload_send() */
};

/* Opens FOLDER or FILE and lists what is to be sent. Links and what is neither file
 * nor folder are refused by name. root is the caller's to close. */
MUST_CHECK struct problem upload_open(struct cli *cli, const char *path,
				      const struct folder_rules *rules, struct upload *out);
MUST_CHECK struct problem upload_hash(struct cli *cli, struct upload *u);

/* Makes the draft hold exactly these files. */
MUST_CHECK struct problem upload_send(struct cli *cli, struct upload *u, const struct model_ref *m,
				      const char *version, int jobs);

/* True when the version holds exactly these files. */
MUST_CHECK struct problem upload_same(struct cli *cli, const struct upload *u,
				      const struct model_ref *m, const char *version, bool *same);

#endif
