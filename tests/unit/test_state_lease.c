/* Who may have a lease: judged without comparing clocks; taken, renewed and freed by one only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "proc/child.h"
#include "proc/machine.h"
#include "run/keeper.h"
#include "state/hold.h"
#include "state/lease.h"
#include "state/queue.h"
#include "state/sighting.h"

/* Two who share a folder. */
struct place {
	struct arena arena;
	const char *folder;
	struct store *one, *two;
	struct error err;
};

#define DONE(place, call) \
	do { \
		if ((call) != 0) \
			fail_msg("%s: %s", #call, (place)->err.message); \
	} while (0)

static struct store *open_store(struct place *place)
{
	const struct store_options options = {.state = "file:state", .folder = place->folder};
	const struct store_fetch fetch = {.env = "production"};
	struct store *store = store_open(&options, &place->err);
	assert_non_null(store);
	DONE(place, store_fetch(store, &fetch, &place->err));
	return store;
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	assert_non_null(place);
	place->folder = folder_temporary(&place->arena, &place->err);
	assert_non_null(place->folder);
	place->one = open_store(place);
	place->two = open_store(place);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	store_free(place->one);
	store_free(place->two);
	DONE(place, tree_remove(place->folder, &place->err));
	arena_release(&place->arena);
	free(place);
	return 0;
}

static bool runs(int64_t pid, int64_t started)
{
	return pid == 7 && started == 70;
}

static void judged_without_clocks(void **state)
{
	const struct lease lease = {.token = "t", .machine = "here", .pid = 7, .pid_started = 70,
				    .length = 120000};
	const struct lease gone = {.token = "t", .machine = "here", .pid = 7, .pid_started = 71,
				   .length = 120000};
	const struct lease nameless = {.token = "t", .machine = "", .pid = 7, .pid_started = 71,
				       .length = 120000};
	struct lease_view view = {.machine = "here", .runs = runs, .seen_for = 0};
	(void)state;

	assert_int_equal(lease_judge(&lease, &view), LEASE_HELD);
	assert_int_equal(lease_judge(&gone, &view), LEASE_DEAD);
	/* A holder who lives here is never taken from, however long he is silent: he may sleep. */
	view.seen_for = 10000000;
	assert_int_equal(lease_judge(&lease, &view), LEASE_HELD);

	view.machine = "there";
	view.seen_for = 119999;
	assert_int_equal(lease_judge(&gone, &view), LEASE_HELD);
	view.seen_for = 120000;
	assert_int_equal(lease_judge(&gone, &view), LEASE_EXPIRED);
	/* A forged length does not lock for ever. */
	struct lease forged = gone;
	forged.length = INT64_MAX;
	view.seen_for = INT64_C(24) * 3600000;
	assert_int_equal(lease_judge(&forged, &view), LEASE_EXPIRED);
	view.seen_for = 120000;

	/* A machine that has no name is not the same as another without. */
	view = (struct lease_view){.machine = "", .runs = runs, .seen_for = 0};
	assert_int_equal(lease_judge(&nameless, &view), LEASE_HELD);

	view.tokens = "s,t";
	assert_int_equal(lease_judge(&gone, &view), LEASE_MINE);
	view.tokens = "tt,s";
	assert_int_equal(lease_judge(&gone, &view), LEASE_HELD);
	view.tokens = "";
	assert_int_equal(lease_judge(&gone, &view), LEASE_HELD);
}

static void overtaken_only_before_production(void **state)
{
	struct lease lease = {.phase = LEASE_BEFORE};
	(void)state;
	assert_true(lease_may_be_overtaken(&lease, LEASE_EXPIRED));
	assert_false(lease_may_be_overtaken(&lease, LEASE_HELD));
	assert_false(lease_may_be_overtaken(&lease, LEASE_DEAD));
	for (int phase = LEASE_MAINTENANCE; phase <= LEASE_DEFERRED; phase++) {
		lease.phase = (enum lease_phase)phase;
		assert_false(lease_may_be_overtaken(&lease, LEASE_EXPIRED));
	}
}

static int take(struct place *place, struct store *store, const char *holder,
		const struct lease *over, struct lease *lease)
{
	const struct lease_request request = {
		.env = "production", .command = "deploy", .id = "ID", .holder = holder,
		.commit = "abc", .since = 1000, .length = 120000, .over = over,
	};
	return lease_take(store, &place->arena, &request, lease, &place->err);
}

static void one_has_it(void **state)
{
	struct place *place = *state;
	struct lease ann = {0}, bob = {0}, seen = {0};
	char machine[MACHINE_NAME];

	DONE(place, take(place, place->one, "ann", NULL, &ann));
	assert_int_equal(take(place, place->two, "bob", NULL, &bob), 1);
	assert_int_equal(lease_read(place->two, &place->arena, "production", &seen, &place->err),
			 1);
	assert_string_equal(seen.holder, "ann");
	assert_string_equal(seen.id, "ID");
	assert_string_equal(seen.machine, machine_name(machine));
	assert_int_equal(seen.since, 1000);
	assert_int_equal(seen.length, 120000);
	assert_int_equal(seen.pid, getpid());
	assert_true(process_runs(seen.pid, seen.pid_started));
	assert_int_equal(lease_look(&seen, "production", ""), LEASE_HELD);
	DONE(place, lease_free(place->one, &place->arena, "production", &ann, &place->err));
	DONE(place, take(place, place->two, "bob", NULL, &bob));
	lease_release(&ann);
	lease_release(&bob);
	lease_release(&seen);
}

static void renewed_with_news_and_stops(void **state)
{
	struct place *place = *state;
	struct lease ann = {0}, seen = {0};
	json_t *work = json_pack("{s:s}", "halt", "cron");
	struct lease_news news = {.phase = LEASE_GO_LIVE, .work = work};
	enum lease_kept kept;
	char before[STORE_VERSION_SIZE];

	DONE(place, take(place, place->one, "ann", NULL, &ann));
	memcpy(before, ann.version, sizeof(before));
	DONE(place, lease_renew(place->one, &place->arena, "production", &ann, &news, &kept,
				&place->err));
	assert_int_equal(kept, LEASE_KEPT);
	assert_string_not_equal(before, ann.version);

	assert_int_equal(lease_read(place->two, &place->arena, "production", &seen, &place->err),
			 1);
	assert_int_equal(seen.phase, LEASE_GO_LIVE);
	assert_string_equal(json_string_value(json_object_get(seen.work, "halt")), "cron");
	DONE(place, lease_stop(place->two, &place->arena, "production", &seen, "bob", "stop it",
			       &place->err));
	news = (struct lease_news)LEASE_NEWS_INIT;
	DONE(place, lease_renew(place->one, &place->arena, "production", &ann, &news, &kept,
				&place->err));
	assert_int_equal(kept, LEASE_STOP_ASKED);
	assert_string_equal(ann.stop_by, "bob");
	assert_string_equal(ann.stop_reason, "stop it");
	assert_int_equal(ann.phase, LEASE_GO_LIVE);
	DONE(place, lease_stop(place->two, &place->arena, "production", &seen, "bob", "again",
			       &place->err));
	DONE(place, lease_free(place->one, &place->arena, "production", &ann, &place->err));
	assert_int_equal(lease_stop(place->two, &place->arena, "production", &seen, "bob", NULL,
				    &place->err), 1);
	json_decref(work);
	lease_release(&ann);
	lease_release(&seen);
}

static void lost_to_who_took_it_over(void **state)
{
	struct place *place = *state;
	struct lease ann = {0}, bob = {0};
	const struct lease_news news = LEASE_NEWS_INIT;
	enum lease_kept kept;

	DONE(place, take(place, place->one, "ann", NULL, &ann));
	DONE(place, take(place, place->two, "bob", &ann, &bob));
	DONE(place, lease_renew(place->one, &place->arena, "production", &ann, &news, &kept,
				&place->err));
	assert_int_equal(kept, LEASE_LOST);
	assert_string_equal(ann.holder, "bob");
	DONE(place, lease_renew(place->two, &place->arena, "production", &bob, &news, &kept,
				&place->err));
	assert_int_equal(kept, LEASE_KEPT);
	lease_release(&ann);
	lease_release(&bob);
}

static void sighting_counts_the_same_version(void **state)
{
	struct place *place = *state;
	int64_t begun = machine_clock(), age;

	assert_int_equal(sighting_age(place->folder, "production", "lease", "v1"), 0);
	while (machine_clock() - begun < 20)
		;
	age = sighting_age(place->folder, "production", "lease", "v1");
	assert_true(age >= 19 && age <= machine_clock() - begun);
	assert_int_equal(sighting_age(place->folder, "production", "lease", "v2"), 0);
	assert_int_equal(sighting_age(place->folder, "production", "queue-x", "v2"), 0);
	assert_int_equal(sighting_age(place->folder, "staging", "lease", "v2"), 0);
	assert_int_equal(sighting_age("/dev/null/none", "staging", "lease", "v2"), 0);
}

static struct ticket ticket(const char *token, const char *machine)
{
	return (struct ticket){.token = token, .holder = token, .host = "h", .machine = machine,
			       .beat = "b", .pid = 1 << 29, .pid_started = 1, .length = 60000};
}

static void queue_drops_the_dead(void **state)
{
	struct place *place = *state;
	struct queue queue = {0};
	char machine[MACHINE_NAME];
	const struct ticket dead = ticket("dead", machine_name(machine)),
			    far = ticket("far", "elsewhere"), last = ticket("last", "elsewhere");

	queue_set(&queue, &place->arena, &dead);
	queue_set(&queue, &place->arena, &far);
	queue_set(&queue, &place->arena, &last);
	queue_set(&queue, &place->arena, &far); /* keeps its place */
	struct store_change change = queue_change(&queue);
	DONE(place, store_write(place->one, "production", &change, 1, &place->err));
	json_decref(change.value);

	DONE(place, queue_read(place->two, &place->arena, "production", place->folder, &queue,
			       &place->err));
	assert_true(queue.changed);
	assert_int_equal(queue.tickets.count, 2);
	assert_int_equal(queue_place(&queue, "far"), 0);
	assert_int_equal(queue_place(&queue, "last"), 1);
	assert_int_equal(queue_place(&queue, "dead"), -1);
	queue_drop(&queue, "far");
	queue_drop(&queue, "last");
	change = queue_change(&queue);
	assert_null(change.value);
	DONE(place, store_write(place->two, "production", &change, 1, &place->err));
	DONE(place, queue_read(place->one, &place->arena, "production", place->folder, &queue,
			       &place->err));
	assert_int_equal(queue.tickets.count, 0);
	assert_string_equal(queue.version, "");
}

static void hold_ends_at_its_time(void **state)
{
	struct place *place = *state;
	struct hold hold = {.by = "ann", .reason = "moving", .since = 1000, .until = 5000};
	struct hold seen;

	DONE(place, hold_put(place->one, "production", &hold, &place->err));
	assert_int_equal(hold_read(place->two, &place->arena, "production", 4999, &seen,
				   &place->err), 1);
	assert_string_equal(seen.by, "ann");
	assert_string_equal(seen.reason, "moving");
	assert_int_equal(seen.until, 5000);
	assert_int_equal(hold_read(place->two, &place->arena, "production", 5000, &seen,
				   &place->err), 0);
	assert_string_equal(seen.version, hold.version);
	DONE(place, hold_put(place->two, "production", &seen, &place->err));
	assert_int_equal(hold_put(place->one, "production", &hold, &place->err), 1);
}

static struct keeper *keep(struct place *place, struct lease *lease, int64_t length)
{
	const struct lease_request request = {.env = "production", .command = "deploy",
					      .holder = "ann", .length = length};
	const struct keeper_options options = {.store = place->one, .env = "production",
					       .lease = lease, .taken = machine_clock()};
	DONE(place, lease_take(place->one, &place->arena, &request, lease, &place->err));
	struct keeper *keeper = keeper_start(&options, &place->err);
	assert_non_null(keeper);
	return keeper;
}

static void keeper_keeps_and_frees(void **state)
{
	struct place *place = *state;
	struct lease ann = {0}, seen = {0};
	struct keeper *keeper = keep(place, &ann, 400);
	char before[STORE_VERSION_SIZE];

	memcpy(before, ann.version, sizeof(before));
	DONE(place, keeper_set(keeper, LEASE_GO_LIVE, NULL, &place->err));
	keeper_note(keeper, LEASE_BEHIND, NULL);
	do {
		lease_release(&seen);
		assert_int_equal(lease_read(place->two, &place->arena, "production", &seen,
					    &place->err), 1);
	} while (seen.phase != LEASE_BEHIND);
	assert_string_not_equal(before, seen.version);
	DONE(place, keeper_verify(keeper, &place->err));
	DONE(place, keeper_end(keeper, &place->err));
	lease_release(&seen);
	assert_int_equal(lease_read(place->two, &place->arena, "production", &seen, &place->err),
			 0);
}

static void keeper_tells_of_loss(void **state)
{
	struct place *place = *state;
	struct lease ann = {0}, bob = {0}, seen = {0};
	struct keeper *keeper = keep(place, &ann, 120000);
	struct store_change change;

	assert_int_equal(lease_read(place->two, &place->arena, "production", &seen, &place->err),
			 1);
	DONE(place, take(place, place->two, "bob", &seen, &bob));
	assert_int_equal(keeper_set(keeper, LEASE_GO_LIVE, NULL, &place->err), -1);
	assert_non_null(strstr(place->err.message, "bob"));
	assert_int_equal(place->err.exit_code, EXIT_REFUSED);
	assert_int_equal(keeper_verify(keeper, &place->err), -1);
	keeper_borrow(keeper);
	assert_false(keeper_change(keeper, -1, &change));
	keeper_return(keeper);
	DONE(place, keeper_end(keeper, &place->err));
	lease_release(&seen);
	assert_int_equal(lease_read(place->two, &place->arena, "production", &seen, &place->err),
			 1); /* his is still there */
	lease_release(&seen);
	lease_release(&bob);
}

static void keeper_leaves_it_for_recover(void **state)
{
	struct place *place = *state;
	struct lease ann = {0}, seen = {0};

	keeper_leave(keep(place, &ann, 120000));
	assert_int_equal(lease_read(place->two, &place->arena, "production", &seen, &place->err),
			 1);
	lease_release(&seen);
}

static void no_keeper_always_holds(void **state)
{
	struct error err = {0};
	struct store_change change;
	(void)state;
	assert_int_equal(keeper_set(NULL, LEASE_GO_LIVE, NULL, &err), 0);
	keeper_note(NULL, LEASE_BEHIND, NULL);
	assert_int_equal(keeper_verify(NULL, &err), 0);
	assert_null(keeper_borrow(NULL));
	keeper_return(NULL);
	assert_false(keeper_change(NULL, -1, &change));
	assert_int_equal(keeper_end(NULL, &err), 0);
	assert_null(keeper_token(NULL));
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judged_without_clocks),
		cmocka_unit_test(overtaken_only_before_production),
		IN_PLACE(one_has_it),
		IN_PLACE(renewed_with_news_and_stops),
		IN_PLACE(lost_to_who_took_it_over),
		IN_PLACE(sighting_counts_the_same_version),
		IN_PLACE(queue_drops_the_dead),
		IN_PLACE(hold_ends_at_its_time),
		IN_PLACE(keeper_keeps_and_frees),
		IN_PLACE(keeper_tells_of_loss),
		IN_PLACE(keeper_leaves_it_for_recover),
		cmocka_unit_test(no_keeper_always_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
