# statements.awk - sql/<resource>/<name>.sql into an enum (-v part=h) or a table (-v part=c).
#
#	awk -v part=c -f tools/statements.awk sql/oid.h sql/*/*.sql
#
# sql/statement.h describes such a file. The first file names the types that may be
# declared: OID_INT8_ARRAY lets a parameter be int8[]. Comments do not reach the
# server. A fault ends the build with "file:line: what is wrong".

function fault(line, what)
{
	printf "%s:%d: %s\n", file, line, what > "/dev/stderr"
	failed = 1
	exit 1
}

function begin(    parts, n)
{
	file = FILENAME
	seen++
	n = split(file, parts, "/")
	name = parts[n - 1] "_" parts[n]
	sub(/\.sql$/, "", name)
	if (name !~ /^[a-z][a-z0-9_]*$/)
		fault(1, "folder and file names are lower case letters, digits and _")
	if (length(name) > 63)
		fault(1, "PostgreSQL cuts names off after 63 bytes: " name)
	text = types = lane = ""
	nparams = quoted = ended = 0
	split("", used)
}

# What is left of a line without its comment; bare is that without quoted text, and
# a quote may span lines.
function code(line,    i, c)
{
	bare = ""
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "'")
			quoted = !quoted
		else if (!quoted && substr(line, i, 2) == "--")
			return substr(line, 1, i - 1)
		else if (!quoted)
			bare = bare c
	}
	return line
}

function declare(    number, type)
{
	number = substr($2, 2) + 0
	if (number != nparams + 1)
		fault(FNR, "parameter $" number " is declared where $" nparams + 1 " is due")
	type = toupper($3)
	sub(/\[\]$/, "_ARRAY", type)
	if (!(type in known))
		fault(FNR, "type " $3 " is not in " oids)
	nparams = number
	types = types (types == "" ? "" : ", ") "OID_" type
}

function note_parameters(line,    number)
{
	while (match(line, /\$[0-9]+/)) {
		number = substr(line, RSTART + 1, RLENGTH - 1) + 0
		if (!(number in used))
			used[number] = FNR
		line = substr(line, RSTART + RLENGTH)
	}
}

function finish(    number, id)
{
	if (file == "")
		return
	if (lane == "")
		fault(1, "no line says '-- lane: read', 'slow', 'write' or 'shared'")
	for (number in used)
		if (number + 0 < 1 || number + 0 > nparams)
			fault(used[number], "parameter $" number " is not declared")
	for (number = 1; number <= nparams; number++)
		if (!(number in used))
			fault(1, "parameter $" number " is declared and never used")
	if (text == "")
		fault(1, "no statement")
	if (quoted)
		fault(1, "a quote is never closed")
	id = "STATEMENT_" toupper(name)
	enumerators = enumerators "\t" id ",\n"
	if (nparams > 0)
		arrays = arrays "static const unsigned types_" name "[] = {" types "};\n"
	rows = rows "\t[" id "] = {\n\t\t\"" name "\",\n" text "\t\t, LANE_" toupper(lane) ", " nparams ", " \
		(nparams > 0 ? "types_" name : "NULL") ", " id ",\n\t},\n"
}

FNR == 1 && FILENAME ~ /\.h$/ { oids = FILENAME }
FILENAME == oids {
	if (match($0, /OID_[A-Z0-9_]+/))
		known[substr($0, RSTART + 4, RLENGTH - 4)] = 1
	next
}

FNR == 1 { finish(); begin() }

!quoted && /^-- lane: / {
	if (lane != "")
		fault(FNR, "lane is said twice")
	if ($3 !~ /^(read|slow|write|shared)$/)
		fault(FNR, "lane " $3 " is not read, slow, write or shared")
	lane = $3
	next
}
!quoted && /^-- \$[0-9]+/ { declare(); next }

{
	if (!quoted)
		sub(/^[ \t]+/, "")
	line = code($0)
	if (!quoted)
		sub(/[ \t]+$/, "", line)
	if (line == "" && !quoted)
		next
	if (ended)
		fault(FNR, "one file is one statement")
	ended = !quoted && sub(/;$/, "", line)
	note_parameters(bare)
	gsub(/\\/, "&&", line)
	gsub(/"/, "\\\"", line)
	text = text "\t\t\"" line "\\n\"\n"
}

END {
	if (failed)
		exit 1
	finish()
	if (seen != ARGC - 2) {
		print "statements.awk: a statement file is empty" > "/dev/stderr"
		exit 1
	}
	print "/* Made by tools/statements.awk from sql/; do not edit. */"
	if (part == "h") {
		print "enum statement_id {\n" enumerators "\tSTATEMENT_COUNT\n};"
		exit 0
	}
	print "#include \"sql/statement.h\"\n\n#include <stddef.h>\n\n#include \"sql/oid.h\"\n"
	print arrays
	print "const struct statement statements[STATEMENT_COUNT] = {\n" rows "};"
}
