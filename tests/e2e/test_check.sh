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

# judge SCHEMA DOCUMENT: yes or no, by the keywords of draft 2020-12 that our schemas use; any other
# keyword, a reference to nothing and a definition that is not shared are mistakes.
judge() {
	write "$TEST_FOLDER/judge.py" <<-'END'
		import collections, json, re, sys
		root = json.load(open(sys.argv[1]))
		known = set("""$schema $ref $defs title description default type properties patternProperties
		    additionalProperties propertyNames required oneOf anyOf enum pattern minLength minItems
		    minProperties items minimum maximum""".split())
		types = {'object': dict, 'array': list, 'string': str, 'null': type(None), 'boolean': bool}
		used = collections.Counter()
		def look(schema):
		    if isinstance(schema, bool): return
		    assert not set(schema) - known, set(schema) - known
		    if '$ref' in schema:
		        used[schema['$ref']] += 1
		        assert root['$defs'][schema['$ref'].removeprefix('#/$defs/')]
		    for key in ('properties', 'patternProperties', '$defs'):
		        for below in schema.get(key, {}).values(): look(below)
		    for key in ('anyOf', 'oneOf'):
		        for below in schema.get(key, []): look(below)
		    for key in ('items', 'additionalProperties', 'propertyNames'):
		        look(schema.get(key, True))
		def is_type(value, name):
		    if name == 'number': return isinstance(value, (int, float)) and not isinstance(value, bool)
		    if name == 'integer': return isinstance(value, int) and not isinstance(value, bool)
		    return isinstance(value, types[name])
		def fits(value, schema):
		    if isinstance(schema, bool): return schema
		    below = lambda name: root['$defs'][name.removeprefix('#/$defs/')]
		    wanted = schema.get('type')
		    wanted = wanted if isinstance(wanted, list) or wanted is None else [wanted]
		    ok = wanted is None or any(is_type(value, w) for w in wanted)
		    ok = ok and ('$ref' not in schema or fits(value, below(schema['$ref'])))
		    ok = ok and ('enum' not in schema or value in schema['enum'])
		    ok = ok and ('anyOf' not in schema or any(fits(value, s) for s in schema['anyOf']))
		    ok = ok and ('oneOf' not in schema or sum(fits(value, s) for s in schema['oneOf']) == 1)
		    if isinstance(value, str):
		        ok = ok and len(value) >= schema.get('minLength', 0)
		        ok = ok and re.search(schema.get('pattern', ''), value) is not None
		    if is_type(value, 'number'):
		        ok = ok and schema.get('minimum', value) <= value <= schema.get('maximum', value)
		    if isinstance(value, list):
		        ok = ok and len(value) >= schema.get('minItems', 0)
		        ok = ok and all(fits(v, schema.get('items', True)) for v in value)
		    if isinstance(value, dict):
		        ok = ok and len(value) >= schema.get('minProperties', 0)
		        ok = ok and all(k in value for k in schema.get('required', []))
		        for k, v in value.items():
		            ok = ok and fits(k, schema.get('propertyNames', True))
		            some = [s for p, s in schema.get('patternProperties', {}).items() if re.search(p, k)]
		            some += [schema['properties'][k]] if k in schema.get('properties', {}) else []
		            ok = ok and all(fits(v, s) for s in some or [schema.get('additionalProperties', True)])
		    return ok
		look(root)
		assert set(used) == {'#/$defs/' + name for name in root['$defs']}
		assert all(count > 1 for count in used.values())
		print('yes' if fits(json.load(sys.stdin), root) else 'no')
	END
	python3 "$TEST_FOLDER/judge.py" "$1" <<<"$2"
}

test_schema_is_small_and_right() {
	for name in deploy pipeline tasks playbook; do
		expect 0 shipit schema "$name"
		cp "$OUT" "$TEST_FOLDER/$name.json"
		[ "$(wc -c <"$OUT")" -le 60000 ] || fail "the schema of $name is large"
	done
	local steps='"steps": [{"run": "true", "timeout": "5m", "if_changed": "a"}, {"smoke": null, "env": {"A": 1}}]'
	local pipeline=$TEST_FOLDER/pipeline.json deploy=$TEST_FOLDER/deploy.json
	equals "$(judge "$pipeline" "{\"stages\": {\"a\": {$steps, \"x-a\": 1, \"go_live\": true}}}")" yes
	equals "$(judge "$pipeline" "{\"stages\": {\"a\": {$steps, \"nedes\": [\"b\"]}}}")" no
	equals "$(judge "$pipeline" '{"stages": {"a": {"steps": [{"run": "a", "timeout": "soon"}]}}}')" no
	equals "$(judge "$pipeline" '{"stages": {"a": {"steps": [{"run": "a", "retries": null}]}}}')" yes
	equals "$(judge "$pipeline" '{"stages": {"a": {"steps": [{"run": "a", "sound": "b"}]}}}')" no
	equals "$(judge "$pipeline" '{"stages": {"a": {"steps": []}}}')" no
	equals "$(judge "$pipeline" '{"tasks": {}}')" no
	equals "$(judge "$deploy" '{"app": "a", "pipeline": "b", "environments": {"c": {"vars": {"D": 1}}}}')" yes
	equals "$(judge "$deploy" '{"app": "a", "pipeline": "b", "environments": {"c": {"vars": {"D-": 1}}}}')" no
	equals "$(judge "$deploy" '{"app": "a", "pipeline": "b", "environments": {"c": {"smoke": {"on_fail": "stop"}}}}')" yes
	equals "$(judge "$deploy" '{"app": "a", "pipeline": "b", "environments": {"c": {"smoke": {"on_fail": "go"}}}}')" no
	equals "$(judge "$deploy" '{"app": "a", "pipeline": "b", "environments": {"c": {}}, "workspace": null}')" yes
	equals "$(judge "$TEST_FOLDER/tasks.json" '{"tasks": {"a": {"run": ["b", 1], "deferred": true}}}')" yes
	equals "$(judge "$TEST_FOLDER/playbook.json" '{"steps": [{"say": "a"}]}')" no
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
	printf 'cache: {max: 1GiB}\n' >>deploy.yml
	expect 0 shipit check
	stdout_has "'cache' is checked, but not acted on by this version"
}

# The N-th block of YAML in one of our documents.
yaml_of() {
	awk -v wanted="$2" '/^```/ { inside = /^```yaml/; n += inside; next }
		inside && n == wanted' "$ROOT/$1"
}

test_examples_of_the_documents_pass() {
	new_repo
	cp "$ROOT/deploy.yml.example" deploy.yml
	expect 0 shipit check
	yaml_of README.md 1 >deploy.yml
	yaml_of README.md 2 >deploy.tasks.yml
	expect 0 shipit check
	silent_on warning
	rm deploy.tasks.yml
	yaml_of docs/pipelines.md 1 | write pipelines/mine.yml
	sed -i.bak 's/^pipeline: web.*/pipeline: mine/' deploy.yml
	{ yaml_of docs/maintenance.md 1; yaml_of docs/guards.md 2; yaml_of docs/markers.md 1; } >>deploy.yml
	expect 0 shipit check
	says 'pipelines/mine.yml'
	silent_on warning
	for key in stages.steps.timeout roster guards app; do
		expect 0 shipit help "$key"
	done
}

run_tests
