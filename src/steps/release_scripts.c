/* The programs that hosts run for a release. Values come before them as quoted words. */
#include "steps/release_scripts.h"

#include "base/buffer.h"
#include "base/text.h"
#include "steps/release_pack.h"

/* A line for each file: what tells without reading it whether it is as it was, and its path. */
#define LISTING \
	"find . \\( -type f -o -type l \\) -printf '%y%m %s %T@ %P\\n' 2>/dev/null | " \
	"LC_ALL=C sort"
/* In what is not whole yet: paths that are taken of an earlier release, each ended by a NUL. */
#define KEPT ".shipit-kept"
#define PATHS "cut -d' ' -f4-"

static const char beginning[] =
	"set -eu\n"
	"umask 022\n"
	"case $to in /*) ;; *) to=$HOME/$to ;; esac\n"
	"say() { printf '%s\\n' \"$*\" >&2; exit 1; }\n";

const char script_probe[] =
	"cd \"$to/releases\" 2>/dev/null || exit 0\n"
	"if [ -f \"$id/REVISION\" ]; then echo w; exit 0; fi\n"
	"base=$(readlink ../current) || exit 0\n"
	"base=${base#releases/}\n"
	"case $base in ''|*/*|.*) exit 0 ;; esac\n"
	"[ -f \".$base.state\" ] && [ -f \".$base.base\" ] || exit 0\n"
	"cp --version 2>/dev/null | grep -q coreutils || exit 0\n"
	"printf 'b %s\\n' \"$base\"\n"
	"cat \".$base.base\"\n"
	"(cd \"$base\" && " LISTING ") | LC_ALL=C comm -23 \".$base.state\" - | " PATHS
	" | sed 's/^/m /'\n"
	"if [ -f \".$base.files\" ]; then sed 's/^/f /' \".$base.files\"; fi\n";

const char script_receive[] =
	"mkdir -p \"$to/releases\"\n"
	"cd \"$to/releases\"\n"
	"trap 'rm -rf \"$part\"' EXIT\n"
	"trap 'exit 1' HUP INT TERM\n"
	"mkdir \"$part\"\n"
	"tar -xzof - -C \"$part\"\n"
	"[ -f \"$part/REVISION\" ] || say 'the archive was cut'\n"
	"if [ -n \"$base\" ]; then\n"
	PATHS " <\".$base.state\" | LC_ALL=C sort | "
	"LC_ALL=C comm -23 - \"$part/" RELEASE_DROPPED "\" | tr '\\n' '\\0' >\"$part/" KEPT "\"\n"
	"take() { (cd \"$base\" && xargs -0 -r cp \"$@\" --parents -t \"../$part\" -- "
	"<\"../$part/" KEPT "\"); }\n"
	"if [ \"$link\" = 0 ]; then take -a --reflink=auto\n"
	"else take -Pl 2>/dev/null || take -a --remove-destination; fi\n"
	"rm \"$part/" RELEASE_DROPPED "\" \"$part/" KEPT "\"\n"
	"fi\n"
	"if [ -f \"$part/" RELEASE_LIST "\" ]; then\n"
	"mv \"$part/" RELEASE_LIST "\" \".$id.files\"\n"
	"fi\n"
	"(cd \"$part\" && " LISTING ") >\".$id.state\"\n"
	"found=$(find \"$part\" \\( -type f -o -type l \\) | wc -l)\n"
	"[ \"$found\" -eq \"$files\" ] || "
	"say \"it holds $found files, not $files\"\n"
	"if [ -n \"$base\" ]; then\n"
	"found=$(LC_ALL=C comm -12 \".$base.state\" \".$id.state\" | wc -l)\n"
	"[ \"$found\" -ge \"$kept\" ] || say \"$base was changed while it was copied\"\n"
	"fi\n"
	"printf 'c %s\\nd %s\\n' \"$commit\" \"$digest\" >\".$id.base\"\n"
	"share() {\n"
	"mkdir -p \"$(dirname \"$part/$1\")\" \"$(dirname \"$to/shared/$1\")\"\n"
	"if [ -e \"$to/shared/$1\" ] || [ -L \"$to/shared/$1\" ]; then rm -rf \"$part/$1\"\n"
	"elif [ -e \"$part/$1\" ] || [ -L \"$part/$1\" ]; then mv \"$part/$1\" \"$to/shared/$1\"\n"
	"else mkdir \"$to/shared/$1\"\n"
	"fi\n"
	"ln -s \"$2shared/$1\" \"$part/$1\"\n"
	"}\n"
	"shares\n"
	"rm -rf \"$id\"\n"
	"mv \"$part\" \"$id\"\n";

/* A link is replaced by a rename, of which each system's mv knows another option. */
#define POINT \
	"point() {\n" \
	"rm -f .current.new\n" \
	"ln -s \"$1\" .current.new\n" \
	"mv -fT .current.new current 2>/dev/null || mv -fh .current.new current || " \
	"say \"cannot switch $to/current\"\n" \
	"}\n" \
	"if [ -e current ] && [ ! -L current ]; then " \
	"say \"'$to/current' is no link: move what is there away\"; fi\n" \
	"now=$(readlink current) || now=\n"

const char script_switch[] =
	"[ -f \"$to/releases/$id/REVISION\" ] || "
	"say \"there is no whole release '$to/releases/$id'\"\n"
	"cd \"$to\"\n" POINT
	"if [ \"$now\" != \"releases/$id\" ]; then\n"
	"printf %s \"$now\" >\"releases/.before-$deploy.new\"\n"
	"mv -f \"releases/.before-$deploy.new\" \"releases/.before-$deploy\"\n"
	"fi\n"
	"point \"releases/$id\"\n"
	"if [ -n \"$now\" ] && [ -f \"$now/REVISION\" ]; then touch \"$now/REVISION\"; fi\n"
	"touch \"releases/$id/REVISION\"\n";

const char script_switch_back[] =
	"cd \"$to\" 2>/dev/null || exit 0\n" POINT
	"[ -f \"releases/.before-$deploy\" ] || exit 0\n"
	"[ \"$now\" = \"releases/$id\" ] || exit 0\n"
	"before=$(cat \"releases/.before-$deploy\")\n"
	"if [ -n \"$before\" ]; then point \"$before\"; else rm current; fi\n";

const char script_prune[] =
	"cd \"$to/releases\" 2>/dev/null || exit 0\n"
	"current=$(readlink ../current) || current=\n"
	"current=${current#releases/}\n"
	"kept=1 removed=0\n"
	"for one in $(ls -t -- */REVISION 2>/dev/null); do\n"
	"one=${one%/REVISION}\n"
	"[ \"$one\" != \"$current\" ] || continue\n"
	"kept=$((kept + 1))\n"
	"[ \"$kept\" -gt \"$keep\" ] || continue\n"
	"rm -rf \"$one\" \".$one.state\" \".$one.base\" \".$one.files\"\n"
	"removed=$((removed + 1))\n"
	"done\n"
	"rm -rf .*.part .before-*\n"
	"echo \"$removed\"\n";

const char script_is_whole[] =
	"[ -f \"$to/releases/$id/REVISION\" ] || say \"$to/releases/$id is not there\"\n";

static void add_value(struct buffer *out, const char *name, const char *value)
{
	buffer_add_format(out, "%s=", name);
	text_quote_shell(out, value ? value : "");
	buffer_add_char(out, '\n');
}

/* A function that links each shared path; the link climbs from its place to the folder `to`. */
static void add_shared(struct buffer *out, const struct text_list *shared)
{
	buffer_add_text(out, "shares() { :\n");
	for (size_t i = 0; shared && i < shared->count; i++) {
		const char *path = shared->items[i];

		buffer_add_text(out, "share ");
		text_quote_shell(out, path);
		buffer_add_text(out, " ../../");
		for (const char *c = path; *c; c++)
			if (*c == '/')
				buffer_add_text(out, "../");
		buffer_add_char(out, '\n');
	}
	buffer_add_text(out, "}\n");
}

const char *release_command(struct arena *arena, const char *script,
			    const struct release_values *values)
{
	struct buffer text CLEANUP(buffer_release);
	struct buffer command CLEANUP(buffer_release);

	buffer_init(&text, 1 << 20);
	buffer_init(&command, 1 << 20);
	add_value(&text, "to", values->to);
	add_value(&text, "id", values->id);
	add_value(&text, "deploy", values->deploy);
	add_value(&text, "part", values->part);
	add_value(&text, "base", values->base);
	add_value(&text, "commit", values->commit);
	add_value(&text, "digest", values->digest);
	buffer_add_format(&text, "files=%lld kept=%lld keep=%lld link=%d\n",
			  (long long)values->files, (long long)values->kept,
			  (long long)values->keep, values->link);
	add_shared(&text, values->shared);
	buffer_add_text(&text, beginning);
	buffer_add_text(&text, script);
	buffer_add_text(&command, "exec /bin/sh -c ");
	text_quote_shell(&command, text.data);
	return arena_string(arena, command.data);
}
