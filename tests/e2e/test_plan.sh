#!/usr/bin/env bash
# shipit plan: what is selected and why, guards, notes, digest, mistakes of the graph.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A live record in the file: store without running a deploy's own code twice over.
shop() {
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: web
		state: file:$TEST_FOLDER/state
		environments:
		  production: {branch: master}
		  staging: {branch: "*"}
		guards:
		  size: {warn: 3, refuse: 1000, ignore: ["*.lock"]}
		  risky: {high: ["**/migrations/**"], medium: ["*.lock"]}
	END
	write pipelines/web.yml <<-END
		stages:
		  frontend:
		    if_changed: ["front/**", "!front/docs/**"]
		    steps: [{name: build, run: echo front}]
		  backend:
		    if_changed: ["back/**"]
		    steps: [{name: pack, run: echo back}]
		  release:
		    go_live: true
		    steps:
		      - {name: migrate, run: echo migrate, if_changed: ["**/migrations/**"]}
		      - {name: switch, run: echo switch}
		tasks:
		  categories: {if_changed: ["back/category/**"], run: echo categories}
		  maps: {if_changed: ["front/**"], run: echo maps, deferred: true}
	END
	write front/a.js <<<a
	write front/docs/readme <<<d
	write back/category/a.py <<<a
	write back/category/deploy.tasks.yml <<-END
		tasks:
		  tree: {if_changed: ["*.py"], run: echo tree}
	END
	commit first
	push
	FIRST=$(git rev-parse HEAD)
}

because() { json "[x['because'] for x in d['$1'] if x['name'] == '$2'][0]"; }
selected() { json "[x['selected'] for x in d['$1'] if x['name'] == '$2'][0]"; }

test_first_plan_selects_everything() {
	shop
	expect 0 shipit plan --json
	equals "$(json "d['previous']")" null
	equals "$(json "all(x['selected'] for x in d['stages'] + d['tasks'] + d['steps'])")" true
	equals "$(selected tasks tree)" true
	equals "$(json "d['app'] + ' ' + d['env'] + ' ' + d['branch']")" "shop production master"
}

# The user's ref to a branch that is gone from the remote stays his; that it is pushed it does not say.
test_branch_deleted_on_the_remote() {
	shop
	for store in "file:$TEST_FOLDER/state" git; do
		sed -i.bak "s|^state:.*|state: $store|" deploy.yml
		rm deploy.yml.bak
		commit "$store"; push
		git checkout -q -b side
		commit side; git push -q origin side
		git checkout -q master
		expect 0 shipit plan --ref origin/side --json
		equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'unpushed']")" '["pass"]'
		git -C ../repo.git branch -q -D side
		expect 0 shipit plan --ref origin/side --json
		equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'unpushed']")" '["refuse"]'
		git rev-parse -q --verify origin/side >/dev/null || fail 'the ref was taken away'
		expect 0 shipit plan --json
		equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'unpushed']")" '["pass"]'
		git branch -q -D side
	done
}

# All of the history is new then: what would be too much to tell is left out, and said.
test_figures_of_the_first_plan() {
	shop
	commit second; push
	expect 0 shipit plan --json
	equals "$(json "d['lines']")" '{"added": null, "removed": null, "counted": null}'
	equals "$(json "[c['id'] for c in d['commits']]")" "[\"$(git rev-parse HEAD)\", \"$(git rev-parse HEAD~1)\"]"
	equals "$(json "[n for n in d['notes'] if 'lines' in n]")" \
		'["nothing is live yet: lines are not counted, and all 2 commits of the history are listed"]'
	local tip tree
	tip=$(git rev-parse HEAD)
	tree=$(git rev-parse 'HEAD^{tree}')
	for _ in $(seq 101); do tip=$(git commit-tree -p "$tip" -m x "$tree"); done
	git reset -q --hard "$tip"
	push
	expect 0 shipit plan --json
	equals "$(json "[len(d['commits']), d['commits'][0]['id']]")" "[100, \"$(git rev-parse HEAD)\"]"
	equals "$(json "any('only the newest 100 commits' in n for n in d['notes'])")" true
	git clone -q --depth 2 "file://$TEST_FOLDER/repo.git" "$TEST_FOLDER/shallow"
	cd "$TEST_FOLDER/shallow"
	expect 0 shipit plan --json
	equals "$(json "len(d['commits'])")" 2
	equals "$(json "any('only the newest 2 commits' in n for n in d['notes'])")" true
}

test_selection_and_reasons() {
	shop
	echo b >>back/category/a.py
	echo b >>front/docs/readme
	commit second
	push
	expect 0 shipit plan --json --from "$FIRST"
	equals "$(selected stages backend)" true
	equals "$(because stages backend)" \
		'{"path": "back/category/a.py", "pattern": "back/**", "count": 1}'
	equals "$(selected stages frontend)" false
	equals "$(selected tasks categories)" true
	equals "$(selected tasks tree)" true
	equals "$(json "[s['selected'] for s in d['steps'] if s['stage'] == 'release']")" '[false, true]'
	equals "$(json "d['changed']")" \
		'[{"path": "back/category/a.py", "status": "M"}, {"path": "front/docs/readme", "status": "M"}]'
	equals "$(json "[c['subject'] for c in d['commits']]")" '["second"]'
	equals "$(json "d['lines']")" '{"added": 2, "removed": 0, "counted": 2}'
	expect 0 shipit plan --from "$FIRST"
	stdout_has 'back/category/a.py matches back/**'
	stdout_has 'skipped, nothing that it watches changed'
}

test_rename_counts_under_both_names_and_reverts_do_not() {
	shop
	git mv front/a.js back/a.js
	commit move
	push
	expect 0 shipit plan --json --from "$FIRST"
	equals "$(selected stages frontend)" true
	equals "$(selected stages backend)" true
	git revert --no-edit HEAD >/dev/null
	push
	expect 0 shipit plan --json --from "$FIRST"
	equals "$(selected stages frontend)" false
	equals "$(json "d['changed']")" '[]'
	equals "$(json "len(d['commits'])")" 2
}

test_trailers_and_notes() {
	shop
	echo x >README
	commit 'docs

Deploy-Task: categories
Deploy-Note: tell the shop'
	push
	expect 0 shipit plan --json --from "$FIRST"
	equals "$(because tasks categories)" '{"trailer": "Deploy-Task: categories"}'
	equals "$(json "any('tell the shop' in n for n in d['notes'])")" true
	echo y >README
	expect 0 shipit plan --from "$FIRST"
	stdout_has '1 uncommitted change in the working tree is not deployed'
}

test_flags_choose() {
	shop
	expect 0 shipit plan --json --only backend --skip release.switch --no-task tree
	equals "$(selected stages frontend)" false
	equals "$(because stages frontend)" '{"flag": "--only"}'
	equals "$(because tasks tree)" '{"flag": "--no-task"}'
	equals "$(json "[s['selected'] for s in d['steps'] if s['name'] == 'switch']")" '[false]'
	expect 2 shipit plan --task categoris
	stderr_has "did you mean 'categories'?"
	expect 2 shipit plan --only bakend
	stderr_has "did you mean 'backend'?"
	expect 2 shipit plan --skip nothing
	expect 2 shipit plan -e produktion
	expect 2 shipit plan --ref nowhere
}

test_guards() {
	shop
	seq 5 >back/category/a.py
	seq 50 >yarn.lock
	commit big
	expect 0 shipit plan --json --ref HEAD --from "$FIRST"
	equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'unpushed']")" '["refuse"]'
	equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'size']")" '["warn"]'
	equals "$(json "d['risk']['level']")" medium
	equals "$(json "d['lines']['counted']")" 6
	expect 3 shipit deploy --yes --ref HEAD --from "$FIRST"
	stderr_has unpushed
	expect 0 shipit plan --json --ref HEAD -e staging
	equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'unpushed']")" '["warn"]'
	git checkout -q -b feature
	push
	expect 0 shipit plan --json --ref feature --from "$FIRST"
	equals "$(json "[g['verdict'] for g in d['guards'] if g['name'] == 'branch']")" '["refuse"]'
	expect 3 shipit deploy --yes --ref feature --from "$FIRST"
	expect 3 shipit deploy --yes --ref feature --json --from "$FIRST"
}

test_digest_is_of_what_is_done() {
	shop
	local one two
	expect 0 shipit plan --json
	one=$(json "d['digest']")
	cp "$OUT" "$TEST_FOLDER/one"
	expect 0 shipit plan --json
	cmp "$OUT" "$TEST_FOLDER/one" || fail 'two plans of the same differ'
	expect 0 shipit plan --json --no-task tree
	two=$(json "d['digest']")
	[ "$one" != "$two" ] || fail 'the digest does not know --no-task'
	git clone -q "$TEST_FOLDER/repo.git" "$TEST_FOLDER/other"
	cd "$TEST_FOLDER/other"
	expect 0 shipit plan --json
	equals "$(json "d['digest']")" "$one"
}

test_all_mistakes_of_the_graph() {
	shop
	write pipelines/web.yml <<-END
		stages:
		  a: {needs: [b], steps: [run: "true"]}
		  b: {needs: [a], steps: [run: "true"]}
		  c: {needs: [bb], steps: [run: "true"]}
		  live: {go_live: true, steps: [run: "true"]}
		  again: {go_live: true, steps: [run: "true"]}
	END
	commit wrong
	push
	expect 2 shipit plan
	stderr_has 'pipelines/web.yml:'
	stderr_has "needs 'bb', which is no stage"
	stderr_has 'wait for each other'
	stderr_has "stage 'again' has go_live, but 'live'"
	expect 2 shipit deploy --yes
}

test_strange_names_just_work() {
	shop
	mkdir -p front
	# shellcheck disable=SC2016
	echo x >'front/$(touch owned) "quote'
	echo x >$'front/new\nline'
	echo x >$'front/\xff\xfe'
	echo x >front/-rf
	printf 'x' >$'front/\033[31mred'
	commit 'strange'
	push
	expect 0 shipit plan --json --from "$FIRST"
	equals "$(json "len(d['changed'])")" 5
	expect 0 shipit plan --from "$FIRST"
	silent_on $'\033[31m'
	[ ! -e owned ] || fail 'a file name was run'
}

test_looking_runs_nothing_and_changes_nothing() {
	shop
	# shellcheck disable=SC2016
	write .git/hooks/post-checkout <<<'touch "$TEST_FOLDER/hook"'
	chmod +x .git/hooks/post-checkout
	git status --porcelain >"$TEST_FOLDER/before"
	expect 0 shipit plan
	git status --porcelain >"$TEST_FOLDER/after"
	cmp "$TEST_FOLDER/before" "$TEST_FOLDER/after"
	[ ! -e "$TEST_FOLDER/hook" ] || fail 'a hook ran'
	[ ! -e "$TEST_FOLDER/state/production" ] || fail 'plan wrote to the store'
}

test_looking_runs_no_command() {
	shop
	# shellcheck disable=SC2016  # it is for shipit
	sed -i.bak 's/^\( *production:\).*/\1 {branch: master, url: "http:\/\/127.0.0.1:1", live_commit: {url: "\/${KEY}"}}/' deploy.yml
	cat >>deploy.yml <<-END
		secrets: {KEY: {command: "touch $TEST_FOLDER/secret; echo k"}}
		hosts:
		  web: [web1]
		  worker: {from: "touch $TEST_FOLDER/listed; printf 'w1\\\\nw2\\\\n'"}
		  broken: {from: [sh, -c, "exit 3"]}
	END
	commit; push
	for command in 'plan --json' 'deploy -n --json'; do
		# shellcheck disable=SC2086  # a command and its flags
		expect 0 shipit $command
		equals "$(json '"hosts.worker: known at deploy (plan --run-commands asks)" in d["open"]')" true
		equals "$(json 'any(o.startswith("what production itself says is live: known at deploy") for o in d["open"])')" true
	done
	local digest
	digest=$(json 'd["digest"]')
	for command in check status 'help plan' schema; do
		# shellcheck disable=SC2086
		expect 0 shipit $command
	done
	[ ! -e "$TEST_FOLDER/secret" ] || fail 'a secret was read'
	[ ! -e "$TEST_FOLDER/listed" ] || fail 'hosts were listed'
	expect 0 shipit plan --run-commands --json
	equals "$(json '[o for o in d["open"] if o.startswith("hosts.worker")]')" '["hosts.worker: w1, w2"]'
	equals "$(json 'any(o.startswith("hosts.broken: ") and "exit code 3" in o for o in d["open"])')" true
	equals "$(json 'd["digest"]')" "$digest"
	[ ! -e "$TEST_FOLDER/secret" ] || fail 'a secret was read'
}

run_tests
