/* A folder is sealed by stock minisign and openssl, then spoilt in every way. */
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/dsse.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/place.h"
#include "cli/sealed_folder.h"
#include "tests/unit/run.h"
#include "tests/unit/tap.h"

#define MODEL     "weights, as it were"
#define TOKENIZER "{\"words\": []}"

struct place {
	struct arena *arena;
	const char *base;      /* everything lies below */
	const char *good;      /* the sealed folder that cases are copied from */
	const char *at;        /* the copy of the case at hand */
	const char *pub, *sec; /* minisign's key files */
	const char *pem;       /* the same secret key for openssl */
};

static const char *path(const struct place *p, const char *folder, const char *name)
{
	return arena_printf(p->arena, "%s/%s", folder, name);
}

static bool put(const struct place *p, const char *name, const char *text)
{
	return write_file(path(p, p->at, name), text, strlen(text));
}

static const char *sha256_text(struct arena *a, const char *text)
{
	unsigned char sha256[SHA256_BYTES];
	char *hex = arena_bytes(a, SHA256_TEXT);

	sha256_of(text, strlen(text), sha256);
	hex_text(hex, sha256, SHA256_BYTES);
	return hex;
}

/* ---- sealing, by others' programs ------------------------------------------------- */

/* PKCS #8 (RFC 8410) of the seed that minisign made. */
static bool write_pem(const struct place *p)
{
	static const unsigned char head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
					     0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
	unsigned char der[sizeof(head) + 32];
	struct minisign_secret k;
	size_t len = 0;
	char *text = read_file(p->sec, &len);
	bool good = text && minisign_secret_read(p->arena, text, len, &k).code == PROBLEM_NONE;

	free(text);
	memcpy(der, head, sizeof(head));
	memcpy(der + sizeof(head), k.key, 32);

	const char *pem = arena_printf(
		p->arena, "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n",
		base64_text(p->arena, BASE64_STANDARD, der, sizeof(der), NULL));

	return good && write_file(p->pem, pem, strlen(pem));
}

static bool make_keys(const struct place *p)
{
	return RUN("minisign", "-G", "-W", "-f", "-p", p->pub, "-s", p->sec) == 0 && write_pem(p);
}

static bool sign_file(const struct place *p, const char *name, const char *text,
		      const char *version)
{
	const char *comment = arena_printf(
		p->arena, "project:default\tmodel:minilm\tversion:%s\tpath:%s\tsha256:%s", version,
		name, sha256_text(p->arena, text));
	const char *sig =
		path(p, p->at, arena_printf(p->arena, SEALED_SIGNATURES "/%s.minisig", name));

	return put(p, name, text) && RUN("minisign", "-S", "-s", p->sec, "-x", sig, "-m",
					 path(p, p->at, name), "-t", comment) == 0;
}

static const char *statement(struct arena *a, const char *subjects)
{
	return arena_printf(a,
			    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[%s],"
			    "\"predicateType\":\"urn:hallmark:attestation:v1\","
			    "\"predicate\":{\"project\":\"default\",\"model\":\"minilm\","
			    "\"version\":\"1.0.0\",\"ordinal\":1}}",
			    subjects);
}

static const char *subject(struct arena *a, const char *name, const char *text)
{
	return arena_printf(a, "{\"name\":\"%s\",\"digest\":{\"sha256\":\"%s\"}}", name,
			    sha256_text(a, text));
}

static bool attest_as(const struct place *p, const char *type, const char *payload)
{
	struct arena *a = p->arena;
	const char *pae = path(p, p->base, "pae"), *sig = path(p, p->base, "sig");
	size_t len = 0, sig_len = 0;
	const char *bytes = dsse_pae(a, type, payload, strlen(payload), &len);
	bool good =
		write_file(pae, bytes, len) && RUN("openssl", "pkeyutl", "-sign", "-rawin",
						   "-inkey", p->pem, "-in", pae, "-out", sig) == 0;
	char *raw = read_file(sig, &sig_len);
	const char *envelope =
		arena_printf(a,
			     "{\"payload\":\"%s\",\"payloadType\":\"%s\",\"signatures\":[{"
			     "\"keyid\":\"x\",\"sig\":\"%s\"}]}",
			     base64_text(a, BASE64_STANDARD, payload, strlen(payload), NULL), type,
			     base64_text(a, BASE64_STANDARD, raw, sig_len, NULL));

	free(raw);
	return good && put(p, SEALED_ATTESTATION, envelope);
}

static bool attest(const struct place *p, const char *subjects)
{
	return attest_as(p, DSSE_IN_TOTO, statement(p->arena, subjects));
}

static const char *both(struct arena *a)
{
	return arena_printf(a, "%s,%s", subject(a, "sub/tokenizer.json", TOKENIZER),
			    subject(a, "model.onnx", MODEL));
}

static bool seal(struct place *p)
{
	p->at = p->good;
	return make_keys(p) &&
	       RUN("mkdir", "-p", path(p, p->good, SEALED_SIGNATURES "/sub"),
		   path(p, p->good, "sub")) == 0 &&
	       RUN("cp", p->pub, path(p, p->good, SEALED_KEYS)) == 0 &&
	       sign_file(p, "model.onnx", MODEL, "1.0.0") &&
	       sign_file(p, "sub/tokenizer.json", TOKENIZER, "1.0.0") && attest(p, both(p->arena));
}

/* ---- the ways to spoil it --------------------------------------------------------- */

static bool nothing(const struct place *p)
{
	(void)p;
	return true;
}

static bool change(const struct place *p)
{
	return put(p, "model.onnx", "weights, as it Were");
}

static bool grow(const struct place *p)
{
	return put(p, "model.onnx", MODEL "!");
}

static bool lose(const struct place *p)
{
	return unlink(path(p, p->at, "sub/tokenizer.json")) == 0;
}

static bool add(const struct place *p)
{
	return put(p, "sub/evil.py", "import os");
}

static bool add_hidden(const struct place *p)
{
	return put(p, ".evil", "x");
}

static bool link_away(const struct place *p)
{
	const char *name = path(p, p->at, "model.onnx"), *away = path(p, p->base, "away");

	return rename(name, away) == 0 && symlink(away, name) == 0;
}

static bool rename_case(const struct place *p)
{
	return rename(path(p, p->at, "model.onnx"), path(p, p->at, "Model.onnx")) == 0;
}

static bool lose_signature(const struct place *p)
{
	return unlink(path(p, p->at, SEALED_SIGNATURES "/model.onnx.minisig")) == 0;
}

static bool swap_signature(const struct place *p)
{
	return RUN("cp", path(p, p->at, SEALED_SIGNATURES "/sub/tokenizer.json.minisig"),
		   path(p, p->at, SEALED_SIGNATURES "/model.onnx.minisig")) == 0;
}

static bool other_version(const struct place *p)
{
	return sign_file(p, "model.onnx", MODEL, "2.0.0");
}

static bool lose_all(const struct place *p)
{
	return RUN("rm", "-rf", path(p, p->at, PLACE_OWN)) == 0;
}

static bool lose_attestation(const struct place *p)
{
	return unlink(path(p, p->at, SEALED_ATTESTATION)) == 0;
}

static bool break_attestation(const struct place *p)
{
	return put(p, SEALED_ATTESTATION, "{\"payload\":");
}

/* The payload of one statement under the signature of another. */
static bool forge(const struct place *p)
{
	size_t len = 0;
	char *text = read_file(path(p, p->at, SEALED_ATTESTATION), &len);
	char *sig = text ? strstr(text, "\",\"payloadType") : NULL;
	const char *payload = statement(p->arena, subject(p->arena, "model.onnx", "evil"));
	bool good = sig && put(p, SEALED_ATTESTATION,
			       arena_printf(p->arena, "{\"payload\":\"%s%s",
					    base64_text(p->arena, BASE64_STANDARD, payload,
							strlen(payload), NULL),
					    sig));

	free(text);
	return good;
}

static bool other_type(const struct place *p)
{
	return attest_as(p, "text/plain", statement(p->arena, both(p->arena)));
}

static bool other_predicate(const struct place *p)
{
	return attest_as(p, DSSE_IN_TOTO,
			 "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[],"
			 "\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicate\":{}}");
}

static bool no_files(const struct place *p)
{
	return attest(p, "");
}

static bool climbing(const struct place *p)
{
	return attest(p, subject(p->arena, "../model.onnx", MODEL));
}

static bool own_folder(const struct place *p)
{
	return attest(p, subject(p->arena, PLACE_OWN "/minisign.pub", MODEL));
}

static bool doubled(const struct place *p)
{
	return attest(p, arena_printf(p->arena, "%s,%s", both(p->arena),
				      subject(p->arena, "model.onnx", "other")));
}

static bool file_and_folder(const struct place *p)
{
	return attest(p, arena_printf(p->arena, "%s,%s", both(p->arena),
				      subject(p->arena, "sub", "other")));
}

static const struct {
	const char *what;
	bool (*spoil)(const struct place *p);
	enum exit_code leave;
	const char *says; /* in what is printed; NULL: anything */
} cases[] = {
	{"an untouched folder", nothing, LEAVE_DONE, NULL},
	{"a changed file", change, LEAVE_BAD_DIGEST, "changed  model.onnx\n"},
	{"a longer file", grow, LEAVE_BAD_DIGEST, "changed  model.onnx\n"},
	{"a missing file", lose, LEAVE_BAD_DIGEST, "missing  sub/tokenizer.json\n"},
	{"an extra file", add, LEAVE_BAD_DIGEST, "extra  sub/evil.py\n"},
	{"an extra hidden file", add_hidden, LEAVE_BAD_DIGEST, "extra  .evil\n"},
	{"a link to the right bytes", link_away, LEAVE_BAD_DIGEST, "changed  model.onnx\n"},
	{"a file in other letters", rename_case, LEAVE_BAD_DIGEST,
	 "missing  model.onnx\nextra  Model.onnx\n"},
	{"a lost signature", lose_signature, LEAVE_BAD_SIGNATURE, "unsigned  model.onnx\n"},
	{"another file's signature", swap_signature, LEAVE_BAD_SIGNATURE, "unsigned  model.onnx\n"},
	{"a signature for another version", other_version, LEAVE_BAD_SIGNATURE,
	 "unsigned  model.onnx\n"},
	{"a folder without proof", lose_all, LEAVE_UNSIGNED, NULL},
	{"a folder without attestation", lose_attestation, LEAVE_UNSIGNED, NULL},
	{"a broken attestation", break_attestation, LEAVE_BAD_SIGNATURE, NULL},
	{"a forged attestation", forge, LEAVE_BAD_SIGNATURE, NULL},
	{"a signed payload of another type", other_type, LEAVE_BAD_SIGNATURE, NULL},
	{"a signed statement of another kind", other_predicate, LEAVE_BAD_SIGNATURE, NULL},
	{"a signed statement without files", no_files, LEAVE_BAD_SIGNATURE, NULL},
	{"a signed path that climbs", climbing, LEAVE_BAD_SIGNATURE, NULL},
	{"a signed path into the proof", own_folder, LEAVE_BAD_SIGNATURE, NULL},
	{"a path that is signed twice", doubled, LEAVE_BAD_SIGNATURE, NULL},
	{"a path that is file and folder", file_and_folder, LEAVE_BAD_SIGNATURE, NULL},
};

/* ---- asking the command ----------------------------------------------------------- */

struct answer {
	enum exit_code leave;
	const char *detail, *printed;
};

/* Runs the command in this process, its standard output in a file. */
static struct answer verify(const struct place *p, const char *key)
{
	const char *operands[] = {p->at, NULL};
	const char *out = path(p, p->base, "out");
	struct cli cli = {.arena = p->arena, .operands = operands, .count = 1};
	void *options = arena_alloc(p->arena, command_verify.size);
	int kept = dup(STDOUT_FILENO), to = open(out, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	size_t len = 0;

	cli.globals.quiet = true;
	memcpy((char *)options + command_verify.options[0].at, &key, sizeof(key));
	fflush(stdout);
	dup2(to, STDOUT_FILENO);
	close(to);

	struct problem got = command_verify.run(&cli, options);

	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);

	char *text = read_file(out, &len);
	const char *printed = text ? arena_dup(p->arena, text, len) : "";

	free(text);
	return (struct answer){exit_code_of(got.code), got.detail, printed};
}

static void fresh(struct place *p)
{
	p->at = path(p, p->base, "case");
	if (RUN("rm", "-rf", p->at) != 0 || RUN("cp", "-a", p->good, p->at) != 0)
		exit(1);
}

static void test_cases(struct place *p)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fresh(p);
		ok(cases[i].spoil(p), "%s is prepared", cases[i].what);

		struct answer a = verify(p, p->pub);

		is_int(a.leave, cases[i].leave, "%s ends with %d", cases[i].what, cases[i].leave);
		if (cases[i].says && !ok(strstr(a.printed, cases[i].says) != NULL, "and is named"))
			printf("#  got: %s\n", a.printed);
	}
}

/* ---- which key -------------------------------------------------------------------- */

static void test_keys(struct place *p)
{
	const char *other = path(p, p->base, "other.pub");

	fresh(p);
	is_int(RUN("minisign", "-G", "-W", "-f", "-p", other, "-s", path(p, p->base, "other.sec")),
	       0, "there is another key");
	is_int(verify(p, NULL).leave, LEAVE_DONE, "the folder's own key will do");
	is_int(verify(p, other).leave, LEAVE_BAD_SIGNATURE, "another key given does not");
	is_int(verify(p, path(p, p->base, "none.pub")).leave, LEAVE_NOT_FOUND,
	       "a key file that is not there is missed");
	ok(put(p, SEALED_KEYS, "no key\n"), "the folder's key is spoilt");
	is_int(verify(p, NULL).leave, LEAVE_USAGE, "and of no use then");
	is_int(verify(p, p->pub).leave, LEAVE_DONE, "but for a key that is given");
}

/* What this machine keeps about the server weighs more than what the folder says. */
static void test_kept_keys(struct place *p)
{
	const char *kept = path(p, p->base, "config/hallmark/servers/http_127.0.0.1_9999");

	fresh(p);
	setenv("XDG_CONFIG_HOME", path(p, p->base, "config"), 1);
	ok(put(p, SEALED_ORIGIN, "{\"url\":\"http://127.0.0.1:9999\"}") &&
		   RUN("mkdir", "-p", kept) == 0 &&
		   RUN("cp", path(p, p->base, "other.pub"), path(p, kept, "keys")) == 0,
	   "another key is kept for the server of the folder");

	struct answer a = verify(p, NULL);

	is_int(a.leave, LEAVE_BAD_SIGNATURE, "the folder is not believed");
	ok(a.detail && strstr(a.detail, "has changed"), "and it is said that the key changed");
	ok(RUN("cp", p->pub, path(p, kept, "keys")) == 0, "the right key is kept");
	is_int(verify(p, NULL).leave, LEAVE_DONE, "the folder is believed");
	unsetenv("XDG_CONFIG_HOME");
}

int main(void)
{
	char base[] = "/tmp/t_cli_verify.XXXXXX";
	struct place p = {.arena = arena_new(64 << 20)};

	if (RUN("minisign", "-v") != 0) {
		printf("1..0 # SKIP minisign is not installed\n");
		return 0;
	}
	if (sodium_init() < 0 || !mkdtemp(base))
		return 1;
	setenv("HOME", base, 1);
	unsetenv("XDG_CONFIG_HOME");
	p.base = base;
	p.good = path(&p, base, "good");
	p.pub = path(&p, base, "key.pub");
	p.sec = path(&p, base, "key.sec");
	p.pem = path(&p, base, "key.pem");
	ok(seal(&p), "minisign and openssl seal a folder");
	test_cases(&p);
	test_keys(&p);
	test_kept_keys(&p);
	RUN("rm", "-rf", base);
	arena_free(p.arena);
	return tap_done();
}
