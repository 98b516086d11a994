#!/usr/bin/env bash
# Guards, risk and maintenance of real commits: what the plan says, what a deploy refuses, what is
# recorded when somebody goes on all the same.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# $1: what stands below the environments in deploy.yml.
config() {
	write deploy.yml <<-END
		app: shop
		pipeline: simple
		state: file:$TEST_FOLDER/state
		sounds: {go_live: none}
		environments:
		  production: {branch: master}
		  staging: {branch: "*"}
		$1
	END
}

shop() {
	new_repo
	config "${1:-}"
	write pipelines/simple.yml <<<'stages: {release: {go_live: true, steps: [{run: "true"}]}}'
	write settings/a <<<a
	commit first
	push
	FIRST=$(git rev-parse HEAD)
	expect 0 shipit deploy --yes --override friday,freezes --reason 'the first one'
}

guard() { json "[[x['verdict'], x['reason'], x['override']] for x in d['guards'] if x['name'] == '$1'][0]"; }
verdict() { json "[x['verdict'] for x in d['guards'] if x['name'] == '$1'][0]"; }

need_faketime() { command -v faketime >/dev/null || skip 'faketime is not there'; }

weekend='guards:
  friday: {timezone: Europe/Berlin}
  risky: {high: ["core/**"], medium: ["settings/**"]}'

test_friday_in_the_plan() {
	shop "$weekend"
	for i in $(seq 60); do echo "$i" >>settings/a; done
	commit second; push
	expect 0 shipit plan --json --at 2026-11-26T22:59:59Z
	equals "$(guard friday)" '["pass", null, null]'
	equals "$(json "d['risk']")" '{"level": "medium", "because": [{"path": "settings/a", "pattern": "settings/**", "count": 1, "reason": "risky.medium"}]}'
	expect 0 shipit plan --json --at 2026-11-26T23:00:00Z
	equals "$(verdict friday)" refuse
	equals "$(guard friday)" '["refuse", "it is Friday 00:00 (Europe/Berlin) and the risk is medium: from Fri 00:00 to Sun 24:00, medium and more is refused", "--override friday --reason TEXT"]'
	expect 0 shipit plan --at 2026-11-27T12:00:00Z
	stdout_has 'settings/a matches settings/**, risky.medium'
	stdout_has '  refuses: friday: it is Friday 13:00 (Europe/Berlin) and the risk is medium'
	stdout_has '(--override friday --reason TEXT)'
	stdout_has '  pass: branch, unpushed, behind, dirty, size, freezes'
	expect 0 shipit -e staging plan --json --from "$FIRST" --at 2026-11-27T12:00:00Z
	equals "$(verdict friday)" warn
	git reset -q --hard "$FIRST"
	echo b >settings/a
	commit hotfix; push -f
	expect 0 shipit plan --at 2026-11-27T12:00:00Z
	stdout_has 'passes: friday: a hotfix passes: 2 lines, no migration, nothing marked high'
}

test_friday_refuses_and_is_overridden() {
	need_faketime
	shop "$weekend"
	write core/a <<<a
	commit second; push
	expect 3 faketime '2026-11-28 12:00:00' "$SHIPIT" deploy --yes
	says "the guard 'friday' refuses this deploy: it is Saturday 13:00"
	says 'shipit -e production deploy --override friday --reason TEXT'
	expect 2 faketime '2026-11-28 12:00:00' "$SHIPIT" deploy --yes --override friday
	expect 0 faketime '2026-11-28 12:00:00' "$SHIPIT" deploy --yes --override friday --reason 'the shop is down'
	says 'overridden: the shop is down'
	expect 0 shipit history
	stdout_has 'overrode friday: the shop is down'
	expect 0 shipit show
	stdout_has 'friday: it is Saturday 13:00 (Europe/Berlin)'
	stdout_has 'because: the shop is down'
	expect 0 shipit history --json
	equals "$(json "[v['override_reason'] for v in d[0]['verdicts'] if v['name'] == 'friday']")" '["the shop is down"]'
}

test_what_is_live_freezes_too() {
	shop 'guards: {freezes: [{from: 2030-12-23, to: 2031-01-02, reason: Christmas}], size: {refuse: 10}}'
	config 'x-nothing: {}'
	for i in $(seq 20); do echo "$i" >>settings/a; done
	commit 'without guards'; push
	expect 0 shipit plan --json --at 2030-12-24T12:00:00Z
	equals "$(guard freezes)" '["refuse", "nothing is deployed from 2030-12-23 to 2031-01-02: Christmas", "--override freezes --reason TEXT"]'
	equals "$(verdict size)" refuse
	expect 0 shipit plan --json --at 2030-12-24T12:00:00Z --from HEAD
	equals "$(verdict freezes)" refuse
	config 'guards: {freezes: [{from: 2031-01-03, to: 2031-01-04}]}'
	commit 'another freeze'; push
	expect 0 shipit plan --json --at 2031-01-02T23:59:59Z
	equals "$(guard freezes | cut -c1-47)" '["refuse", "nothing is deployed from 2030-12-23'
	expect 0 shipit plan --json --at 2031-01-03T00:00:00Z
	equals "$(guard freezes | cut -c1-47)" '["refuse", "nothing is deployed from 2031-01-03'
	expect 0 shipit plan --json --at 2031-01-05
	equals "$(verdict freezes)" pass
	expect 3 shipit deploy --yes
	says "the guard 'size' refuses"
	expect 0 shipit deploy --yes --override size --reason 'it is only settings'
	expect 0 shipit plan --json --redeploy --at 2030-12-24T12:00:00Z
	equals "$(verdict freezes)" pass
}

test_protection_and_branch_of_what_is_live() {
	shop
	sed -i.bak 's/production: .*/production: {branch: "*", protected: false}/' deploy.yml
	rm deploy.yml.bak
	git switch -q -c side
	commit side
	git push -q origin side
	expect 0 shipit plan --json --ref side
	equals "$(guard branch | cut -d, -f1)" '["refuse"'
	expect 3 shipit deploy --yes --ref side
	says 'is not on master, the branch that production takes'
}

# Moving deploy.yml elsewhere is no way around what is live.
test_a_moved_deploy_yml() {
	shop 'guards: {size: {refuse: 1}}'
	git mv deploy.yml ship.yml
	config 'x-nothing: {}'
	mv deploy.yml ship.yml
	sed 's/pipeline: simple/pipeline: pipelines\/simple.yml/' ship.yml >ship && mv ship ship.yml
	commit moved; push
	expect 0 shipit --config ship.yml plan --json
	equals "$(verdict size)" refuse
}

test_a_live_release_that_is_not_here_is_told() {
	shop 'guards: {size: {refuse: 1}}'
	echo x >>settings/a
	commit second; push
	git checkout -q --orphan other
	commit other
	git push -q -f origin HEAD:master
	git init -q "$TEST_FOLDER/clone"
	cd "$TEST_FOLDER/clone"
	git fetch -q "$TEST_FOLDER/repo.git" master
	git checkout -q -b master FETCH_HEAD
	git remote add origin "$TEST_FOLDER/repo.git"
	expect 0 shipit plan --json --offline --ref HEAD
	equals "$(json "any('the guards of the live release do not count' in n for n in d['notes'])")" true
	equals "$(verdict behind)" warn
}

test_behind() {
	shop
	echo x >x; commit 'of bob'; push
	expect 0 shipit deploy --yes
	expect 0 shipit plan --json --ref "$FIRST"
	equals "$(verdict behind)" refuse
	expect 3 shipit deploy --yes --ref "$FIRST"
	says "lacks 1 commit that is live, deployed by ann@example.com: it would undo that deploy"
	expect 0 shipit plan --json --ref "$FIRST" --from "$FIRST"
	equals "$(verdict behind)" refuse
	expect 0 shipit deploy --yes --ref "$FIRST" --override behind --reason 'bob agrees'
}

test_a_hold_stands_in_the_plan() {
	shop
	expect 0 shipit lock -m 'the database moves'
	expect 0 shipit plan --json
	equals "$(verdict lock)" refuse
	equals "$(json "[x['override'] for x in d['guards'] if x['name'] == 'lock']")" '[null]'
	stdout_has 'the database moves'
	expect 0 shipit deploy --dry-run --json
	equals "$(verdict lock)" refuse
	expect 3 shipit deploy --yes --redeploy
	expect 0 shipit unlock
	expect 0 shipit plan --json
	equals "$(verdict lock)" pass
}

hot='maintenance:
  hot_tables: [users]
  needed_if: [{changed: ["db/**"], adds: "(?i)big_table"}]'

maintenance() { json "[d['maintenance']['needed'], [[b['path'], b['line']] for b in d['maintenance']['because']]]"; }

test_migrations_that_lock_hot_tables() {
	shop "$hot"
	write accounts/migrations/0002_a.py <<-'END'
		from django.db import migrations, models
		class Migration(migrations.Migration):
		    operations = [
		        migrations.AddField('user', 'nick', models.TextField(null=True)),
		        migrations.AddIndex('user', models.Index(fields=['nick'], name='i')),
		    ]
	END
	write api/db/migrate/1_b.rb <<-'END'
		class B < ActiveRecord::Migration[7.1]
		  def change
		    add_index :orders, :a
		    rename_column :users, :a, :b
		  end
		end
	END
	write migrations/3.sql <<-'END'
		CREATE INDEX CONCURRENTLY i ON users (a);
		VACUUM FULL users;
	END
	commit migrations; push
	expect 0 shipit plan --json
	equals "$(maintenance)" '[true, [["accounts/migrations/0002_a.py", 5], ["api/db/migrate/1_b.rb", 4], ["migrations/3.sql", 2]]]'
	expect 0 shipit plan
	stdout_has 'maintenance yes'
	stdout_has 'accounts/migrations/0002_a.py:5: AddIndex: builds an index under a lock on accounts_user (users is hot)'
	stdout_has 'api/db/migrate/1_b.rb:4: rename_column: renames a column of users (users is hot)'
	stdout_has 'migrations/3.sql:2: VACUUM FULL rewrites all of users (users is hot)'
	expect 0 shipit plan --json --maintenance off
	equals "$(json "d['maintenance']")" '{"needed": false, "because": [{"flag": "--maintenance off"}]}'
	expect 0 shipit plan --json --from HEAD~1 --ref HEAD
	digest=$(json "d['digest']")
	expect 0 shipit plan --json --maintenance off
	[ "$(json "d['digest']")" != "$digest" ] || fail 'the digest does not tell maintenance'
}

test_lines_that_the_diff_adds() {
	shop "$hot"
	write db/a.sql <<<'select 1 from big_table'
	commit one; push
	expect 0 shipit plan --json
	equals "$(maintenance)" '[true, [["db/a.sql", 1]]]'
	expect 0 shipit deploy --yes --maintenance off
	printf 'select 2;\n' >>db/a.sql
	commit two; push
	expect 0 shipit plan --json
	equals "$(maintenance)" '[false, []]'
	printf 'select 3;\nselect 4 from BIG_TABLE;\n' >>db/a.sql
	commit three; push
	expect 0 shipit plan
	stdout_has 'db/a.sql:4: adds what (?i)big_table matches'
}

test_wrong_times_and_zones() {
	shop
	config 'guards:
  friday: {from: "Fri 25:00", timezone: Europe/Berln}
  freezes: [{from: 2026-12-24, to: 2026-12-23}, {from: never, to: 2026-12-23}]
  approvals: {prodction: 1}'
	expect 2 shipit check
	stderr_has "deploy.yml:9:18: error: 'Fri 25:00' is not a day and a time"
	stderr_has "deploy.yml:9:41: error: there is no time zone 'Europe/Berln'"
	stderr_has "did you mean 'Europe/Berlin'?"
	stderr_has 'the freeze ends before it begins'
	stderr_has "'never' is not a time"
	stderr_has "approvals names 'prodction', which is no environment; did you mean 'production'?"
}

test_without_a_database_of_zones() {
	shop "$weekend"
	write settings/b <<<b
	commit second; push
	export TZDIR=/nonexistent
	expect 0 shipit status
	expect 0 shipit plan --json
	equals "$(verdict friday)" refuse
	expect 0 shipit plan
	stdout_has 'install the package tzdata'
}

run_tests
