/* What CI says of a commit. */
#include "services/ci_checks.h"
#include "base/text.h"
#include "services/outside.h"

enum { PAGES = 10, PER_PAGE = 100, NAMES_SHOWN = 5, URL_MAXIMUM = 4096, BODY_MAXIMUM = 8 << 20 };

static const struct outside_error github_errors[] = {
	{401, NULL, "it does not know the token",
	 "guards.ci.token is a token that may read the repository's checks and statuses"},
	{403, NULL, "the token may not read the checks, or it asked too often",
	 "give it Checks: read and Commit statuses: read; without a token 60 an hour are allowed"},
	{404, NULL, "it knows no such repository, or the token may not see it",
	 "check guards.ci.github; a private repository needs guards.ci.token"},
	{422, NULL, "it does not know the commit", "push it first"},
	{0, NULL, NULL, NULL},
};
static const struct outside_error gitlab_errors[] = {
	{401, NULL, "it does not know the token",
	 "guards.ci.token is an access token with the scope read_api"},
	{403, NULL, "the token may not read the pipelines",
	 "give it the scope read_api, and the role Reporter in the project"},
	{404, NULL, "it knows no such project, or the token may not see it",
	 "check guards.ci.gitlab; a private project needs guards.ci.token"},
	{0, NULL, NULL, NULL},
};

static bool accepts_object(const json_t *body, const char **words)
{
	(void)words;
	return json_is_object(body);
}

static bool accepts_list(const json_t *body, const char **words)
{
	(void)words;
	return json_is_array(body);
}

static const struct outside_api github = {
	.name = "GitHub", .errors = github_errors, .accepts = accepts_object};
static const struct outside_api gitlab = {
	.name = "GitLab", .errors = gitlab_errors, .accepts = accepts_list};

const struct outside_api *ci_api(size_t index, const char **name)
{
	const struct outside_api *const all[] = {&github, &gitlab};

	if (index >= sizeof(all) / sizeof(*all))
		return NULL;
	*name = all[index]->name;
	return all[index];
}

/* What the checks come to. */
struct tally {
	struct arena *arena;
	const struct ci_question *question;
	size_t green, own;
	struct text_list pending, red;
};

static int ask(const struct tally *tally, const struct outside_api *api, const char *path,
	       struct outside_answer *answer, struct error *err)
{
	const struct ci_question *question = tally->question;
	const char *fallback = api == &github ? "https://api.github.com" : "https://gitlab.com";
	struct http_header headers[3] = {0};
	size_t count = 0;
	struct buffer url;
	int result;

	if (api == &github) {
		headers[count++] =
			(struct http_header){"Accept", "application/vnd.github+json"};
		headers[count++] = (struct http_header){"X-GitHub-Api-Version", "2022-11-28"};
	}
	if (question->token)
		headers[count++] = (struct http_header){
			api == &github ? "Authorization" : "PRIVATE-TOKEN",
			arena_format(tally->arena, "%s%s", api == &github ? "Bearer " : "",
				     question->token)};
	buffer_init(&url, URL_MAXIMUM);
	outside_url(&url, question->endpoint ? question->endpoint : fallback, path);
	const struct outside_request request = {
		.api = api,
		.what = "the question for the commit's checks",
		.url = url.data,
		.headers = headers,
		.header_count = count,
		.repeatable = true,
		.maximum_body = BODY_MAXIMUM,
		.redactor = question->redactor,
	};
	result = outside_ask(&request, answer, err);
	buffer_release(&url);
	return result;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static void add(struct tally *tally, struct text_list *list, const json_t *one, const char *key,
		const char *state)
{
	text_list_add(tally->arena, list,
		      arena_format(tally->arena, "%s (%s)", text_at(one, key), state));
}

/* ---- GitHub ---- */

static bool is_own(const struct tally *tally, const json_t *run)
{
	const char *id = tally->question->own_run;

	if (!id || !*id)
		return false;
	return strstr(text_at(run, "details_url"),
		      arena_format(tally->arena, "/actions/runs/%s/", id)) != NULL;
}

static void count_run(struct tally *tally, const json_t *run)
{
	static const char *const well[] = {"success", "neutral", "skipped", NULL};
	const char *conclusion = text_at(run, "conclusion");

	if (is_own(tally, run))
		tally->own++;
	else if (strcmp(text_at(run, "status"), "completed"))
		add(tally, &tally->pending, run, "name", text_at(run, "status"));
	else if (is_one_of(conclusion, well))
		tally->green++;
	else
		add(tally, &tally->red, run, "name", conclusion);
}

static int count_runs(struct tally *tally, const char *base, struct error *err)
{
	size_t seen = 0, total = 1;

	for (int page = 1; page <= PAGES && seen < total; page++) {
		struct outside_answer answer;
		const json_t *runs, *run;
		size_t i;
		int result = ask(tally, &github,
				 arena_format(tally->arena, "%s/check-runs?per_page=%d&page=%d",
					      base, PER_PAGE, page),
				 &answer, err);

		runs = json_object_get(answer.json, "check_runs");
		total = (size_t)json_integer_value(json_object_get(answer.json, "total_count"));
		json_array_foreach(runs, i, run) count_run(tally, run);
		seen += json_array_size(runs);
		if (!json_array_size(runs))
			total = seen;
		outside_answer_release(&answer);
		if (result)
			return -1;
	}
	return 0;
}

static int count_statuses(struct tally *tally, const char *base, struct error *err)
{
	struct outside_answer answer;
	const json_t *status;
	size_t i;
	int result = ask(tally, &github,
			 arena_format(tally->arena, "%s/status?per_page=%d", base, PER_PAGE),
			 &answer, err);

	json_array_foreach(json_object_get(answer.json, "statuses"), i, status)
	{
		const char *state = text_at(status, "state");
		if (!strcmp(state, "success"))
			tally->green++;
		else if (!strcmp(state, "pending"))
			add(tally, &tally->pending, status, "context", state);
		else
			add(tally, &tally->red, status, "context", state);
	}
	outside_answer_release(&answer);
	return result;
}

static int ask_github(struct tally *tally, struct error *err)
{
	const char *base = arena_format(tally->arena, "/repos/%s/commits/%s",
					tally->question->github, tally->question->commit);

	return count_runs(tally, base, err) || count_statuses(tally, base, err) ? -1 : 0;
}

/* ---- GitLab ---- */

/* The newest pipeline that is not ours decides: an older one was run again. */
static void judge_pipelines(struct tally *tally, const json_t *list)
{
	static const char *const waits[] = {"created", "waiting_for_resource", "preparing",
					    "pending", "running", "scheduled", NULL};
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		json_int_t id = json_integer_value(json_object_get(one, "id"));
		const char *name = arena_format(tally->arena, "%lld", (long long)id);
		const char *status = text_at(one, "status");
		if (text_equal(name, tally->question->own_run)) {
			tally->own++;
			continue;
		}
		name = arena_format(tally->arena, "pipeline %s (%s)", name, status);
		if (!strcmp(status, "success"))
			tally->green++;
		else
			text_list_add(tally->arena,
				      is_one_of(status, waits) ? &tally->pending : &tally->red,
				      name);
		return;
	}
}

static int ask_gitlab(struct tally *tally, struct error *err)
{
	struct outside_answer answer;
	struct buffer path;
	int result;

	buffer_init(&path, URL_MAXIMUM);
	buffer_add_text(&path, "/api/v4/projects/");
	outside_encode(&path, tally->question->gitlab);
	buffer_add_format(&path, "/pipelines?sha=%s&order_by=id&sort=desc&per_page=20",
			  tally->question->commit);
	result = ask(tally, &gitlab, path.data, &answer, err);
	judge_pipelines(tally, answer.json);
	outside_answer_release(&answer);
	buffer_release(&path);
	return result;
}

/* ---- the verdict ---- */

static const char *names(struct tally *tally, const struct text_list *list)
{
	struct text_list shown = {0};

	for (size_t i = 0; i < list->count && i < NAMES_SHOWN; i++)
		text_list_add(tally->arena, &shown, list->items[i]);
	if (list->count > NAMES_SHOWN)
		text_list_add(tally->arena, &shown,
			      arena_format(tally->arena, "and %zu more",
					   list->count - NAMES_SHOWN));
	return text_join(tally->arena, &shown, ", ");
}

static struct ci_answer verdict(struct tally *tally, const char *name)
{
	struct arena *arena = tally->arena;

	if (tally->red.count)
		return (struct ci_answer){
			CI_RED, arena_format(arena, "%s says that the commit is not green: %s",
					     name, names(tally, &tally->red))};
	if (tally->pending.count)
		return (struct ci_answer){
			CI_PENDING, arena_format(arena, "%s is not done with the commit: %s", name,
						 names(tally, &tally->pending))};
	if (tally->green)
		return (struct ci_answer){CI_GREEN, arena_format(arena, "%s says that it is green",
								 name)};
	if (tally->own)
		return (struct ci_answer){
			CI_GREEN, arena_format(arena, "%s knows of no other checks than this run's",
					       name)};
	return (struct ci_answer){CI_PENDING,
				  arena_format(arena, "%s knows of no checks of the commit", name)};
}

int ci_ask(struct arena *arena, const struct ci_question *question, struct ci_answer *answer,
	   struct error *err)
{
	struct tally tally = {.arena = arena, .question = question};
	char clean[1024];

	if (question->github ? ask_github(&tally, err) : ask_gitlab(&tally, err))
		return -1;
	*answer = verdict(&tally, question->github ? "GitHub" : "GitLab");
	snprintf(clean, sizeof(clean), "%s", answer->reason);
	outside_clean(question->redactor, "", NULL, clean, sizeof(clean));
	answer->reason = arena_string(arena, clean);
	return 0;
}
