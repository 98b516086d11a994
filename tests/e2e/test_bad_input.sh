#!/usr/bin/env bash
# Bad input: one clear error, the right exit code, and nothing run.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

nothing_ran() { [ ! -e "$TEST_FOLDER/live" ] || fail 'something went live'; }

# refused CODE TEXT: check, plan and deploy all say so, and nothing was run.
refused() {
	local command
	for command in check plan 'deploy --yes'; do
		# shellcheck disable=SC2086
		expect "$1" shipit $command
		stderr_has "$2"
	done
	nothing_ran
}

# A configuration file that is wrong: written, committed, pushed, refused with its place.
wrong() {
	commit 'wrong'
	push
	refused 2 "$1"
}

test_no_deploy_yml() {
	new_repo
	write README <<<x
	commit x
	push
	refused 2 deploy.yml
}

test_uncommitted_deploy_yml() {
	new_repo
	write README <<<x
	commit x
	push
	simple_config_only
	expect 2 shipit deploy --yes
	stderr_has commit
	nothing_ran
}

simple_config_only() {
	printf 'app: a\npipeline: web\nenvironments: {production: {}}\n' >deploy.yml
}

test_not_a_repository() {
	mkdir "$TEST_FOLDER/plain"
	cd "$TEST_FOLDER/plain"
	simple_config_only
	expect 2 shipit plan
	stderr_has 'repository'
}

test_bare_repository() {
	git init -q --bare "$TEST_FOLDER/bare.git"
	cd "$TEST_FOLDER/bare.git"
	expect 2 shipit plan
	stderr_has 'bare'
}

test_unborn_branch() {
	new_repo
	simple_config_only
	expect 2 shipit plan
	stderr_has 'commit'
}

test_foreign_owner() {
	[ "$(id -u)" = 0 ] || skip 'only root can give a folder away'
	new_repo
	simple_config
	chown -R 12345 "$TEST_FOLDER/repo"
	expect 2 shipit plan
	stderr_has 'safe.directory'
	nothing_ran
}

test_folder_that_does_not_exist() {
	expect 2 shipit -C "$TEST_FOLDER/nowhere" plan
	stderr_has nowhere
}

test_syntax_error() {
	new_repo
	simple_config
	printf 'app: "shop\n' >deploy.yml
	wrong 'deploy.yml:'
}

test_wrong_type() {
	new_repo
	simple_config
	printf 'app: [a, b]\npipeline: simple\nenvironments: {production: {}}\n' >deploy.yml
	wrong 'deploy.yml:1:6'
}

test_duplicate_key() {
	new_repo
	simple_config
	printf 'app: one\napp: two\npipeline: simple\nenvironments: {production: {}}\nkeep: 3\n' >deploy.yml
	wrong 'deploy.yml:2:1'
	says 'deploy.yml:5:7'
}

test_unknown_key_is_suggested() {
	new_repo
	simple_config
	sed 's/steps:/nedes: [build]\n    steps:/' pipelines/simple.yml >p
	mv p pipelines/simple.yml
	wrong "did you mean 'needs'?"
	stderr_has 'pipelines/simple.yml:3:5'
	stderr_has '^'
}

test_all_errors_at_once() {
	new_repo
	simple_config
	printf 'app: shop\npipelin: simple\nremot: x\nenvironments: {production: {brnch: a}}\n' \
		>deploy.yml
	wrong pipelin
	stderr_has remot
	stderr_has brnch
}

test_tab_in_yaml() {
	new_repo
	simple_config
	printf 'app: shop\npipeline: simple\nenvironments:\n\tproduction: {}\n' >deploy.yml
	wrong 'tab'
}

test_not_utf8() {
	new_repo
	simple_config
	printf 'app: sh\377op\npipeline: simple\nenvironments: {production: {}}\n' >deploy.yml
	wrong 'UTF-8'
}

test_hundred_megabytes() {
	new_repo
	simple_config
	{ cat deploy.yml; head -c 100000000 /dev/zero | tr '\0' '#'; } >d
	mv d deploy.yml
	commit large
	push
	expect 2 shipit plan
	stderr_has deploy.yml
	nothing_ran
}

test_alias_bomb() {
	new_repo
	simple_config
	{
		echo 'x-0: &a0 [x, x, x, x, x, x, x, x, x, x]'
		for i in 1 2 3 4 5 6 7 8 9; do
			p=$((i - 1))
			echo "x-$i: &a$i [*a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p, *a$p]"
		done
		cat deploy.yml
	} >d
	mv d deploy.yml
	wrong '100000 nodes'
}

test_unknown_pipeline() {
	new_repo
	simple_config
	sed 's/simple/simpel/' deploy.yml >d
	mv d deploy.yml
	wrong simpel
}

test_unknown_environment() {
	new_repo
	simple_config
	expect 2 shipit -e producton deploy --yes
	stderr_has production
	nothing_ran
}

test_unknown_ref() {
	new_repo
	simple_config
	expect 2 shipit deploy --yes --ref no-such-ref
	stderr_has no-such-ref
	nothing_ran
}

test_unknown_task() {
	new_repo
	simple_config
	expect 2 shipit deploy --yes --task categoris
	stderr_has categories
	nothing_ran
}

test_unknown_flag_and_command() {
	new_repo
	simple_config
	expect 2 shipit deploy --yess
	stderr_has '--yes'
	expect 2 shipit deplyo
	stderr_has deploy
	nothing_ran
}

test_unknown_variable() {
	new_repo
	simple_config
	cat >>deploy.yml <<-'END'
		smoke: {checks: [{get: "https://${NO_SUCH}/"}]}
	END
	commit x
	push
	expect 2 shipit deploy --yes
	stderr_has NO_SUCH
	nothing_ran
}

bad_value() {
	new_repo
	simple_config
	sed "$1" pipelines/simple.yml >p
	mv p pipelines/simple.yml
	wrong "$2"
	stderr_has pipelines/simple.yml:
}

test_bad_pattern() { bad_value 's|"category/[*][*]"|""|' if_changed; }
test_bad_duration() { bad_value 's/name: compile,/name: compile, timeout: soon,/' soon; }
test_unknown_needs() { bad_value 's/go_live: true/go_live: true\n    needs: [biuld]/' build; }
test_circular_needs() { bad_value 's/  build:/  build:\n    needs: [build]/' build; }
test_no_go_live() { bad_value 's/go_live: true/go_live: false/' go_live; }

test_bad_regular_expression() {
	new_repo
	simple_config
	printf 'smoke: {commit: {match: "(["}, checks: [{get: /}]}\n' >>deploy.yml
	wrong deploy.yml:
}

test_commit_that_is_not_pushed() {
	new_repo
	simple_config
	commit 'mine alone'
	printf 'environments: {production: {branch: master}}\n' >/dev/null
	sed 's/, protected: false//; s/protected: false//' deploy.yml >d
	mv d deploy.yml
	commit 'protected'
	expect 3 shipit deploy --yes --ref HEAD
	stderr_has push
	nothing_ran
}

test_branch_that_is_not_allowed() {
	new_repo
	simple_config
	sed 's/, protected: false//' deploy.yml >d
	mv d deploy.yml
	commit protected
	push
	git checkout -q -b feature
	commit 'on a branch'
	push
	expect 3 shipit deploy --yes --ref feature
	stderr_has master
	nothing_ran
}

test_no_answer_without_a_terminal() {
	new_repo
	simple_config
	expect 3 shipit deploy
	stderr_has '--yes'
	nothing_ran
}

test_command_that_does_not_exist() {
	new_repo
	simple_config
	sed 's/run: echo built/run: [no-such-program, x]/' pipelines/simple.yml >p
	mv p pipelines/simple.yml
	commit x
	push
	expect 1 shipit deploy --yes
	says no-such-program
	nothing_ran
}

test_step_folder_that_does_not_exist() {
	new_repo
	simple_config
	sed 's/run: echo built/dir: no-such-folder, run: echo built/' pipelines/simple.yml >p
	mv p pipelines/simple.yml
	commit x
	push
	expect 1 shipit deploy --yes
	says no-such-folder
	nothing_ran
}

test_read_only_git_folder() {
	[ "$(id -u)" != 0 ] || skip 'root can write everywhere'
	new_repo
	simple_config
	chmod -R a-w .git
	expect 1 shipit deploy --yes
	nothing_ran
}

test_full_disk() {
	[ "$(id -u)$(uname -s)" = 0Linux ] || skip 'only root can mount a small disk'
	new_repo
	simple_config
	mkdir -p .git/shipit
	mount -t tmpfs -o size=64k tmpfs .git/shipit || skip 'no mount here'
	cleanup "umount '$PWD/.git/shipit'"
	head -c 65536 /dev/zero >.git/shipit/filler 2>/dev/null || :
	expect 1 shipit deploy --yes
	says 'space'
	nothing_ran
}

# Full before anything was written to it: no setting is wrong then.
test_full_disk_of_the_store() {
	[ "$(id -u)$(uname -s)" = 0Linux ] || skip 'only root can mount a small disk'
	mkdir disk
	mount -t tmpfs -o size=2m tmpfs disk || skip 'no mount here'
	cleanup "umount '$PWD/disk'"
	new_repo disk/repo
	simple_config
	sed -i.bak "s|^state: .*|state: file:$TEST_FOLDER/disk/state|" deploy.yml
	rm deploy.yml.bak
	commit; push
	mkdir .git/shipit "$TEST_FOLDER/shipit"
	mount --bind "$TEST_FOLDER/shipit" .git/shipit
	cleanup "umount '$PWD/.git/shipit'"
	for _ in file git; do
		expect 0 shipit plan
		head -c 3000000 /dev/zero >.git/filler 2>/dev/null || :
		expect 1 shipit deploy --yes
		says 'cannot write'
		nothing_ran
		rm .git/filler
		sed -i.bak 's|^state: .*|state: git|' deploy.yml
		rm deploy.yml.bak
		commit; push
	done
}

# A build whose output fills the disk: there must be room for the record before production is touched.
test_disk_that_a_build_fills() {
	[ "$(id -u)$(uname -s)" = 0Linux ] || skip 'only root can mount a small disk'
	new_repo
	simple_config
	sed 's/run: echo built/run: "head -c 3000000 \/dev\/zero | tr \\"\\\\0\\" x | fold -w 80"/' \
		pipelines/simple.yml >p
	mv p pipelines/simple.yml
	commit
	push
	mkdir -p .git/shipit
	mount -t tmpfs -o size=2m tmpfs .git/shipit || skip 'no mount here'
	cleanup "umount '$PWD/.git/shipit'"
	expect 1 shipit deploy --yes
	says 'space'
	nothing_ran
}

# Names that a shell would trip over simply work.
# shellcheck disable=SC2016  # they are not to be expanded
test_names_from_hell() {
	new_repo
	simple_config
	expect 0 shipit deploy --yes
	local name
	for name in 'a b' "quo'te\"s" $'new\nline' '$(touch pwned)' '-rf' $'inv\377alid' '`x`'; do
		mkdir -p "category/$name"
		printf 'x\n' >"category/$name/$name"
		printf 'x\n' >"./$name"
	done
	git add -A
	git commit -q -m '$(touch pwned) "quoted" `x`'
	push
	expect 0 shipit plan --json
	equals "$(json 'len(d["changed"])')" 14
	expect 0 shipit deploy --yes
	says regenerated
	equals "$(cat "$TEST_FOLDER/live")" "$(git rev-parse HEAD)"
	[ -z "$(find "$TEST_FOLDER" -name pwned)" ] || fail 'a name was run'
}

test_branch_from_hell() {
	new_repo
	simple_config
	sed 's/branch: master/branch: "*"/' deploy.yml >d
	mv d deploy.yml
	commit 'any branch'
	push
	local branch="it's-\$(touch\${IFS}pwned)-\"x\"/ü"
	git checkout -q -b "$branch"
	commit 'a branch'
	push
	expect 0 shipit deploy --yes
	equals "$(cat "$TEST_FOLDER/live")" "$(git rev-parse HEAD)"
	[ -z "$(find "$TEST_FOLDER" -name pwned)" ] || fail 'a name was run'
}

test_uncommitted_changes_are_not_deployed() {
	new_repo
	simple_config
	printf 'dirty\n' >>README
	expect 0 shipit plan
	says 'uncommitted'
	expect 0 shipit deploy --yes
	equals "$(cat "$TEST_FOLDER/live")" "$(git rev-parse HEAD)"
}

run_tests
