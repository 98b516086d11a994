#!/bin/bash
# The foghorn, through libao's wav driver, and where there is no sound at all.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lib.sh"

test_foghorn_is_heard() {
	SHIPIT_AUDIO_DRIVER=wav SHIPIT_AUDIO_FILE=$TEST_FOLDER/horn.wav expect 0 shipit foghorn
	equals "$(head -c 4 horn.wav)" RIFF
	[ "$(wc -c <horn.wav)" -gt 100000 ] || fail 'the horn is too short'
}

test_no_device_is_one_quiet_word() {
	SHIPIT_AUDIO_DRIVER=oss-that-is-not-there expect 0 shipit foghorn
	equals "$(cat "$ERR")" '(no sound: no sound device)'
	equals "$(cat "$OUT")" ''
}

test_own_sound() {
	mkdir sounds
	cp "$ROOT/sounds/foghorn.ogg" sounds/bell.ogg
	SHIPIT_AUDIO_DRIVER=wav SHIPIT_AUDIO_FILE=$TEST_FOLDER/bell.wav expect 0 shipit foghorn bell
	[ -s bell.wav ] || fail 'nothing was played'
	echo 'no sound' >noise.wav
	expect 0 shipit foghorn noise.wav
	says 'cannot be read'
	expect 0 shipit foghorn none
	expect 2 shipit foghorn whistle
	says "there is no sound 'whistle'"
}

test_foghorn_at_go_live() {
	new_repo
	simple_config
	SHIPIT_AUDIO_DRIVER=wav SHIPIT_AUDIO_FILE=$TEST_FOLDER/horn.wav \
		expect 0 shipit deploy --yes
	wait_until 5 test -s "$TEST_FOLDER/horn.wav"
	SHIPIT_AUDIO_DRIVER=wav SHIPIT_AUDIO_FILE=$TEST_FOLDER/none.wav \
		expect 0 shipit deploy --yes --redeploy --silent
	[ ! -e "$TEST_FOLDER/none.wav" ] || fail '--silent was loud'
}

run_tests
