# shellcheck shell=bash disable=SC2034
# A real nginx on a free loopback port, for tests; to be sourced (bash).
#   nginx_start FOLDER ROOT [LINES]   serves ROOT; FOLDER is its own (configuration, logs, pid);
#                                     LINES go into the server block (location ... { ... }).
#                                     Returns when it answers; sets NGINX_URL and NGINX_PORT.
#   nginx_reload FOLDER ROOT [LINES]  the same port with other lines
#   nginx_stop FOLDER                 returns when it is gone
# tools/deps leaves the program at build/nginx/run; TEST_NGINX names another one.

NGINX_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

nginx_program() {
	local build=${BUILD:-build}
	case $build in /*) ;; *) build=$NGINX_TOP/$build ;; esac
	if [ -n "${TEST_NGINX:-}" ]; then
		echo "$TEST_NGINX"
	elif [ -x "$build/nginx/run" ]; then
		echo "$build/nginx/run"
	elif [ -x "$NGINX_TOP/build/nginx/run" ]; then
		echo "$NGINX_TOP/build/nginx/run"
	else
		PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx
	fi
}

nginx_configure() {
	local folder=$1 root=$2 lines=${3:-} user=
	if [ "$(id -u)" = 0 ]; then user="user root $(id -gn);"; fi
	mkdir -p "$folder/temporary"
	cat >"$folder/nginx.conf" <<-CONF
		$user
		worker_processes 1;
		pid "$folder/nginx.pid";
		error_log "$folder/error.log";
		events { worker_connections 256; }
		http {
			access_log "$folder/access.log";
			default_type text/plain;
			types { text/html html; text/css css; text/javascript js;
				application/json json; image/svg+xml svg; }
			client_body_temp_path "$folder/temporary/1";
			proxy_temp_path "$folder/temporary/2";
			fastcgi_temp_path "$folder/temporary/3";
			uwsgi_temp_path "$folder/temporary/4";
			scgi_temp_path "$folder/temporary/5";
			server {
				listen 127.0.0.1:$NGINX_PORT;
				root "$root";
				$lines
			}
		}
	CONF
}

# Whether somebody listens there.
nginx_answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

nginx_wait() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 500 ] || return 1
		sleep 0.02
	done
}

nginx_start() {
	local folder=$1 program
	program=$(nginx_program) || { echo 'no nginx found: run tools/deps' >&2; return 1; }
	mkdir -p "$folder"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		NGINX_PORT=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		nginx_answers "$NGINX_PORT" && continue
		nginx_configure "$@"
		if "$program" -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf" \
			>"$folder/start.log" 2>&1 && nginx_wait nginx_answers "$NGINX_PORT"; then
			NGINX_URL=http://127.0.0.1:$NGINX_PORT
			return 0
		fi
	done
	cat "$folder/start.log" >&2
	return 1
}

nginx_reload() {
	nginx_configure "$@"
	"$(nginx_program)" -p "$1" -e "$1/error.log" -c "$1/nginx.conf" -s reload
}

nginx_gone() {
	[ ! -e "$1/nginx.pid" ]
}

nginx_stop() {
	local pid
	pid=$(cat "$1/nginx.pid" 2>/dev/null) || return 0
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || return 0
	nginx_wait nginx_gone "$1"
}
