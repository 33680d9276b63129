# migrations.awk - migrations/0001_name.sql and on into the table of sql/migrate.h.
#
#	sha256sum migrations/*.sql | awk -f tools/migrations.awk - migrations/*.sql
#
# The text goes in byte for byte: its digest is what the database remembers.
#
# A file that begins with the line "-- concurrently" (sql/migrate.h) has one statement.

function fault(what)
{
	printf "%s:1: %s\n", file, what > "/dev/stderr"
	failed = 1
	exit 1
}

# Outside a transaction two statements could be done by half.
function check(text)
{
	gsub(/[ \t]+/, " ", text)
	if (!concurrent) {
		if (text ~ /INDEX CONCURRENTLY/)
			fault("CONCURRENTLY takes a file of its own, whose first line is: -- concurrently")
		return
	}
	if (text !~ "^ ?CREATE INDEX CONCURRENTLY IF NOT EXISTS " substr(name, 6) " ON [^;]*; ?$" &&
	    text !~ /^ ?DO \$\$ ([^$]|\$[^$])* END \$\$; ?$/)
		fault("a concurrent migration is one statement: CREATE INDEX CONCURRENTLY IF NOT EXISTS " \
		      substr(name, 6) " ON …; or DO $$ … END $$;")
}

function begin()
{
	if (count)
		check(statements)
	statements = ""
	file = name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.sql$/, "", name)
	if (name !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$/)
		fault("a migration is named 0001_what_it_does.sql")
	if (substr(name, 1, 4) + 0 != count + 1)
		fault("number " count + 1 " is due here: migrations have no gaps and no twins")
	if (!(file in digests))
		fault("its digest was not given")
	count++
	rows = rows (count > 1 ? "\t},\n" : "") "\t{\n\t\t" count ", \"" substr(name, 6) "\",\n"
	rows = rows "\t\t.sha256 = \"" digests[file] "\",\n\t\t.sql =\n"
}

FILENAME == "-" || FILENAME == "" { digests[$2] = $1; next }
FNR == 1 { begin(); concurrent = $0 == "-- concurrently" }
{
	line = $0
	sub(/--.*/, "", line)
	statements = statements line " "
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	rows = rows "\t\t\"" $0 "\\n\"\n"
}

END {
	if (count && !failed)
		check(statements)
	if (failed)
		exit 1
	print "/* Made by tools/migrations.awk from migrations/; do not edit. */"
	print "#include \"sql/migrate.h\"\n"
	print "const struct migration migrations[] = {\n" rows "\t}\n};"
	print "const int migrations_count = " count + 0 ";"
}
