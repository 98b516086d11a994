#!/usr/bin/env bash
# Many deploys at once, each from a clone of its own: one wins, the others are refused.
# RACE_ROUNDS (default 20 and 10) and RACE_CLONES (default 20): `RACE_ROUNDS=100 make e2e ONLY=race`.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The winner stays in its build until every other one has ended or has got there too.
racing_shop() {
	export T=$TEST_FOLDER
	new_repo
	write deploy.yml <<-END
		app: shop
		pipeline: shop
		state: $1
		environments:
		  production: {branch: master}
	END
	write pipelines/shop.yml <<-END
		stages:
		  build:
		    steps:
		      - name: win
		        run: |
		          echo "\$SHIPIT_ID" >>$T/winners
		          while [ \$((\$(wc -l <$T/winners) + \$(wc -l <$T/ends))) -lt $CLONES ]; do
		            sleep 0.02
		          done
		  release: {go_live: true, steps: [{name: switch, run: 'echo x >>$T/live'}]}
	END
	commit shop
	push
	local i
	for ((i = 0; i < CLONES; i++)); do git clone -q "$T/repo.git" "$T/clone$i"; done
}

racer() {
	local code=0
	cd "$T/clone$1" || exit
	SHIPIT_WORKTREES="$T/trees$1" "$SHIPIT" deploy --yes --silent --redeploy >"$T/said$1" 2>&1 ||
		code=$?
	echo "$code" >>"$T/ends"
}

race() {
	local i round
	for ((round = 0; round < ROUNDS; round++)); do
		: >"$T/winners"
		: >"$T/ends"
		for ((i = 0; i < CLONES; i++)); do racer "$i" & done
		wait
		equals "$(sort "$T/ends" | uniq -c | tr -s ' \n' ' ')" " 1 0 $((CLONES - 1)) 3 "
		equals "$(wc -l <"$T/winners" | tr -d ' ')" 1
		equals "$(wc -l <"$T/live" | tr -d ' ')" $((round + 1))
	done
	expect 0 shipit history --json
	equals "$(json len\(d\))" "$ROUNDS"
}

test_race_for_refs() {
	ROUNDS=${RACE_ROUNDS:-20} CLONES=${RACE_CLONES:-20}
	racing_shop git
	race
}

test_race_for_a_folder() {
	ROUNDS=${RACE_ROUNDS:-10} CLONES=${RACE_CLONES:-20}
	racing_shop "file:$TEST_FOLDER/state"
	race
}

run_tests
