/* Starting libgit2, with as little of it as reading a repository needs. */
#include <dlfcn.h>

#include "git/tree_internal.h"

static _Thread_local bool starting;

/* A libgit2 built with mbedTLS (Debian's) reads all certificates of the system when it starts. That
 * takes 10 ms, more than the rest of most commands, and neither an option nor a variable stops it.
 * The network is git's own here, so while it starts, and only then and on this thread, it is told
 * that the file is empty: this name stands before the library's, which everybody else still
 * reaches. Should libgit2 ever connect by TLS, it would trust nobody. Where it is built with
 * something else, and on macOS, where libraries do not look for names in the program, nobody calls
 * this. */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);
int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
	union {
		void *object;
		int (*call)(void *chain, const char *path);
	} real = {NULL};

	if (starting)
		return 0;
	real.object = dlsym(RTLD_NEXT, "mbedtls_x509_crt_parse_file");
	return real.object ? real.call(chain, path) : -1;
}

int libgit2_start(struct error *err)
{
	static const char *const extensions[] = {"worktreeconfig"};
	int code;

	starting = true;
	code = git_libgit2_init();
	starting = false;
	if (code < 0)
		return libgit2_error(err, "cannot start libgit2");
	git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, (size_t)1);
	/* Like git, trust what is in a pack; and keep no tree that a walk sees once only. */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE, (size_t)0);
	return 0;
}
