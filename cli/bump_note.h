/* bump_note.h - which version an interrupted "push --bump" of a folder has made.
 *
 *	$XDG_STATE_HOME/hallmark/pushes/DIGEST
 *
 * A bump that is said again would make one version more. So the first leaves a note, of
 * server, model, bump and folder in its name, for the next run to go on with that draft.
 * Without a home folder there is no note: path is NULL, which every call takes.
 */
#ifndef HALLMARK_CLI_BUMP_NOTE_H
#define HALLMARK_CLI_BUMP_NOTE_H

#include "cli/cli.h"
#include "cli/model_ref.h"

const char *bump_note_path(const struct cli *cli, const struct model_ref *m, const char *bump,
			   const char *folder);

/* The version; NULL when there is no note. */
const char *bump_note_read(const struct cli *cli, const char *path);
MUST_CHECK struct problem bump_note_write(const struct cli *cli, const char *path,
					  const char *version);
void bump_note_remove(struct cli *cli, const char *path); /* warns when it cannot */

#endif
