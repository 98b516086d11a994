#!/usr/bin/env bash
# check, schema and help on keys.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"

test_fine() {
	new_repo
	simple_config
	expect 0 shipit check
	stdout_has 'deploy.yml: fine'
	expect 0 shipit check --json
	equals "$(json 'd["ok"]')" true
}

test_all_errors_of_all_files_at_once() {
	new_repo
	simple_config
	printf 'remte: x\n' >>deploy.yml
	write playbooks/bad.yml <<<'titel: x'
	write pipelines/other.yml <<<'stages: {a: {nedes: [b], steps: [{run: x}]}}'
	write api/deploy.tasks.yml <<<'tasks: {a: {run: x, if_chnaged: y}}'
	expect 2 shipit check
	stderr_has "unknown key 'remte'; did you mean 'remote'?"
	stderr_has "playbooks/bad.yml:1:1: error: unknown key 'titel'; did you mean 'title'?"
	stderr_has "unknown key 'nedes'; did you mean 'needs'?"
	stderr_has "unknown key 'if_chnaged'; did you mean 'if_changed'?"
	expect 2 shipit check --json
	equals "$(json 'd["ok"]')" false
	equals "$(json 'len(d["errors"]) >= 5')" true
}

test_schema_is_json_schema() {
	local name
	for name in deploy pipeline tasks playbook; do
		expect 0 shipit schema "$name"
		# shellcheck disable=SC2016
		equals "$(json 'd["$schema"]')" https://json-schema.org/draft/2020-12/schema
		equals "$(json 'd["type"]')" object
	done
	expect 2 shipit schema dploy
	stderr_has "did you mean 'deploy'?"
}

test_help_on_a_key() {
	expect 0 shipit help smoke.within
	stdout_has 'default: 60s'
}

test_later_parts_are_said() {
	new_repo
	simple_config
	printf 'roster: {ann: {role: trained}}\n' >>deploy.yml
	expect 0 shipit check
	stdout_has "'roster' is checked, but not acted on by this version"
}

run_tests
