#!/bin/bash
# A real sshd on loopback that lets in whoever starts it, with keys, known hosts and a client's
# configuration of its own; each address of 127.0.0.0/8 is a host (on macOS 127.0.0.1 alone), those
# up to 127.0.0.200 with a home of their own, FOLDER/homes/ADDRESS.
#
#   sshd.sh ready                 whether there is one that can be run here
#   sshd.sh start FOLDER [PID]    starts it, and stops it when PID ends; FOLDER/config is for `ssh -F`
#   sshd.sh stop FOLDER
#
# Nothing is installed: tools/deps --tests unpacks Debian's below build/sshd. As root sshd wants a
# user of its own to be in the system's list: one that is not there is put before a private view of
# it (a mount namespace).
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
unpacked=${SSHD_ROOT:-$root/build/sshd}

say() { printf 'sshd.sh: %s\n' "$*" >&2; }

program() {
	if [ -x "$unpacked/usr/sbin/sshd" ]; then
		echo "$unpacked/usr/sbin/sshd"
	else
		PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd
	fi
}

has_user() { [ "$(id -u)" != 0 ] || id sshd >/dev/null 2>&1 && [ -d /run/sshd ]; }
can_hide() { unshare -m --propagation slave true 2>/dev/null; }

ready() {
	local found
	found=$(program) || { say 'no sshd: tools/deps --tests'; return 1; }
	LD_LIBRARY_PATH=$(libraries) "$found" -V 2>/dev/null || "$found" -? 2>&1 | grep -q OpenSSH ||
		{ say "$found does not run"; return 1; }
	[ "$(id -u)" != 0 ] || has_user || can_hide ||
		{ say 'sshd wants a user sshd, and no namespace can be made'; return 1; }
}

libraries() { find "$unpacked" -name 'lib*.so.*' -exec dirname {} \; 2>/dev/null | sort -u | paste -sd:; }

free_port() {
	python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# The user, in a view of /etc/passwd that nobody else has.
run_as_root() {
	local folder=$1
	shift
	grep -v '^sshd:' /etc/passwd >"$folder/passwd"
	echo 'sshd:x:65500:65534::/nonexistent:/usr/sbin/nologin' >>"$folder/passwd"
	mkdir -p "$folder/empty"
	chmod 755 "$folder/empty"
	# shellcheck disable=SC2016
	exec unshare -m --propagation slave sh -eu -c '
		mount --bind "$1/passwd" /etc/passwd
		if [ ! -d /run/sshd ]; then
			mount -t tmpfs -o mode=755 none /run
			mkdir /run/sshd
		fi
		shift
		exec "$@"' sh "$folder" "$@"
}

write_files() {
	local folder=$1 port=$2 address=0.0.0.0
	[ "$(uname -s)" = Linux ] || address=127.0.0.1
	for key in host user; do
		[ -f "$folder/$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$folder/$key"
	done
	cp "$folder/user.pub" "$folder/authorized"
	# shellcheck disable=SC2016
	printf '[127.*]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$folder/host.pub")" >"$folder/known_hosts"
	cat >"$folder/sshd_config" <<-END
		ListenAddress $address:$port
		HostKey $folder/host
		PidFile $folder/pid
		AuthorizedKeysFile $folder/authorized
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin yes
		MaxStartups 1000
		PerSourceMaxStartups none
		MaxSessions 50
		UseDNS no
		PrintMotd no
		LogLevel ERROR
	END
	mkdir -p "$folder"/homes/127.0.0.{1..200}
	for host in {1..200}; do
				printf 'Match LocalAddress 127.0.0.%s\nSetEnv HOME=%s\n' "$host" "$folder/homes/127.0.0.$host"
	done >>"$folder/sshd_config"
	cat >"$folder/config" <<-END
		Host 127.*
			Port $port
			User $(id -un)
			IdentityFile $folder/user
			IdentitiesOnly yes
			IdentityAgent none
			UserKnownHostsFile $folder/known_hosts
			GlobalKnownHostsFile none
			StrictHostKeyChecking yes
	END
	echo "$port" >"$folder/port"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

watch() {
	local folder=$1 pid=$2
	while kill -0 "$pid" 2>/dev/null; do sleep 1; done
	stop "$folder"
}

start() {
	local folder=$1 owner=${2:-} sshd port try
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd -P)
	sshd=$(program)
	for try in 1 2 3; do
		port=$(free_port)
		write_files "$folder" "$port"
		export LD_LIBRARY_PATH
		LD_LIBRARY_PATH=$(libraries)
		set -- "$sshd" -D -e -f "$folder/sshd_config"
		# What the caller's environment says is not what a host's users find.
		if [ "$(id -u)" = 0 ] && ! has_user; then
			run_as_root "$folder" "$@" >"$folder/log" 2>&1 </dev/null &
		else
			"$@" >"$folder/log" 2>&1 </dev/null &
		fi
		for _ in $(seq 100); do
			if answers "$port"; then
				[ -z "$owner" ] || watch "$folder" "$owner" >/dev/null 2>&1 </dev/null &
				return 0
			fi
			kill -0 $! 2>/dev/null || break
			sleep 0.05
		done
	done
	say "it does not start ($try times): $(tail -n 3 "$folder/log")"
	return 1
}

stop() {
	local folder=$1
	[ -f "$folder/pid" ] || return 0
	kill "$(cat "$folder/pid")" 2>/dev/null || :
	rm -f "$folder/pid"
}

case ${1:-} in
ready) ready ;;
start) shift; start "$@" ;;
stop) stop "$2" ;;
*) say 'ready, start FOLDER [PID], or stop FOLDER'; exit 2 ;;
esac
