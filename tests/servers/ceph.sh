#!/usr/bin/env bash
# A real S3 server for tests: Ceph's radosgw, one node in memory, on free loopback ports.
#   ceph.sh start FOLDER [OWNER]   returns when it answers; FOLDER (made) is its own. It ends with the
#                                  process OWNER (default: who called), or by `stop`, and leaves nothing.
#   ceph.sh stop FOLDER
#   ceph.sh ready                  whether the programs are here; else says what is missing
# FOLDER/env tells who needs it: TEST_S3_ENDPOINT, TEST_S3_REGION, TEST_S3_KEY and TEST_S3_SECRET (may
# do everything in buckets that it made), TEST_S3_OTHER_KEY and TEST_S3_OTHER_SECRET (somebody else),
# TEST_S3_LOG (a line a request).
# The programs are those of build/ceph, where tools/deps unpacks them, or the system's.
set -euo pipefail
export LC_ALL=C
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fsid=11111111-2222-3333-4444-555555555555
osd_uuid=22222222-2222-3333-4444-555555555555
programs='radosgw radosgw-admin ceph-mon ceph-osd ceph-authtool monmaptool'

# Chooses the programs: sets PATH, and what those below build/ need to find their plugins.
choose_programs() {
	local root program library
	for program in $programs python3; do
		if ! command -v "$program" >/dev/null; then break; fi
	done
	plugins=
	if command -v "$program" >/dev/null; then return 0; fi
	for root in "${BUILD:-build}/ceph/root" "$top/build/ceph/root"; do
		case $root in /*) ;; *) root=$top/$root ;; esac
		[ -x "$root/usr/bin/radosgw" ] || continue
		library=$(dirname "$(find "$root/usr/lib" -maxdepth 2 -name 'librados.so.2' | head -n 1)")
		export PATH="$root/usr/bin:$PATH" LD_LIBRARY_PATH="$library:$library/ceph"
		plugins="plugin_dir = $library/ceph
erasure_code_dir = $library/ceph/erasure-code
osd_class_dir = $library/rados-classes"
		return 0
	done
	echo 'no radosgw here: tools/deps --tests unpacks it on Debian and Ubuntu' >&2
	return 1
}

# Silence: a log line a message costs more than the message.
quiet_subsystems() {
	local name
	for name in ms osd mon paxos auth objecter rados monc filestore memstore bdev rocksdb \
		objclass throttle finisher heartbeatmap perfcounter client tp timer crush context \
		buffer asok rgw_sync optracker kstore journal lockdep; do
		echo "debug_$name = 0/0"
	done
}

write_configuration() {
	local key
	cat >"$folder/ceph.conf" <<-CONF
		[global]
		fsid = $fsid
		mon_host = v2:127.0.0.1:$((port + 1))/0
		public_addr = 127.0.0.1
		cluster_addr = 127.0.0.1
		ms_bind_port_min = $((port + 2))
		ms_bind_port_max = $((port + 30))
		ms_bind_msgr1 = false
		auth_cluster_required = cephx
		auth_service_required = cephx
		auth_client_required = cephx
		auth_allow_insecure_global_id_reclaim = true
		keyring = $folder/keyring
		run_dir = $folder
		admin_socket =
		crash_dir = $folder
		log_to_file = false
		log_to_stderr = false
		mon_cluster_log_to_file = false
		mon_cluster_log_to_syslog = false
		paxos_propose_interval = 0.05
		paxos_min_wait = 0.01
		osd_pool_default_size = 1
		osd_pool_default_min_size = 1
		osd_pool_default_pg_num = 4
		osd_pool_default_pgp_num = 4
		osd_crush_chooseleaf_type = 0
		mon_allow_pool_size_one = true
		mon_warn_on_pool_no_redundancy = false
		mon_max_pg_per_osd = 1000
		mon_data_avail_crit = 0
		mon_data_avail_warn = 0
		ms_crc_data = false
		ms_crc_header = false
		osd_enable_op_tracker = false
		$(quiet_subsystems)
		${plugins//$'\n'/$'\n\t\t'}
		[mon]
		mon_data = $folder/mon
		[osd]
		osd_data = $folder/osd
		osd_objectstore = memstore
		memstore_device_bytes = 8589934592
		osd_class_load_list = *
		osd_class_default_list = *
		osd_op_num_shards = 2
		osd_op_num_threads_per_shard = 1
		[client.rgw]
		rgw_data = $folder/rgw
		rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
		rgw_thread_pool_size = 64
		rgw_enable_lc_threads = false
		rgw_enable_quota_threads = false
		rgw_enable_usage_log = false
		rgw_enable_ops_log = false
		rgw_run_sync_thread = false
		rgw_dynamic_resharding = false
		rgw_override_bucket_index_max_shards = 1
		log_to_file = true
		log_file = $folder/requests.log
		debug_rgw = 1/1
	CONF
	key=$(ceph-authtool --gen-print-key)
	cat >"$folder/keyring" <<-KEYS
		[mon.]
		key = $key
		caps mon = "allow *"
		[client.admin]
		key = $key
		caps mon = "allow *"
		caps osd = "allow *"
		caps mgr = "allow *"
		[osd.0]
		key = $key
		caps mon = "allow profile osd"
		caps osd = "allow *"
		[client.rgw]
		key = $key
		caps mon = "allow rw"
		caps osd = "allow rwx"
	KEYS
}

# What `ceph osd new` does, without the CLI and its Python packages.
announce_osd() {
	python3 - "$folder/ceph.conf" "$osd_uuid" <<-'END'
		import ctypes, json, sys
		rados = ctypes.CDLL("librados.so.2")
		cluster = ctypes.c_void_p()
		out, status = ctypes.c_char_p(), ctypes.c_char_p()
		size, status_size = ctypes.c_size_t(), ctypes.c_size_t()
		def must(code, what):
		    if code < 0:
		        sys.exit("%s: %d %s" % (what, code, status.value or ""))
		must(rados.rados_create2(ctypes.byref(cluster), b"ceph", b"client.admin", ctypes.c_uint64(0)), "create")
		must(rados.rados_conf_read_file(cluster, sys.argv[1].encode()), "configuration")
		must(rados.rados_connect(cluster), "connect")
		command = json.dumps({"prefix": "osd new", "uuid": sys.argv[2], "id": 0}).encode()
		must(rados.rados_mon_command(cluster, (ctypes.c_char_p * 1)(command), 1, b"", 0, ctypes.byref(out),
		     ctypes.byref(size), ctypes.byref(status), ctypes.byref(status_size)), "osd new")
		rados.rados_shutdown(cluster)
	END
}

make_user() {
	radosgw-admin -c "$folder/ceph.conf" -n client.rgw --no-mon-config --log-to-file=false \
		user create --uid="$1" --display-name="$1" --access-key="$2" --secret-key="$3" >/dev/null
}

answers() {
	curl -s -o /dev/null --noproxy '*' --max-time 2 "http://127.0.0.1:$port/"
}

wait_for_answers() {
	local tries=0
	until answers; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] && kill -0 "$1" 2>/dev/null || return 1
		sleep 0.05
	done
}

stop_daemons() {
	local i
	trap '' TERM INT HUP
	trap - EXIT
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -KILL "${pids[i]}" 2>/dev/null || :; done
	wait 2>/dev/null || :
	# The log stays for who looks at a failure; the rest is worthless without the daemons.
	rm -rf "$folder/mon" "$folder/osd" "$folder/rgw" "$folder/env"
}

# In the foreground until a daemon or the owner dies, or somebody says stop.
supervise() {
	local conf=$folder/ceph.conf
	pids=()
	trap stop_daemons EXIT
	trap 'exit 0' TERM INT HUP
	mkdir -p "$folder/mon" "$folder/osd" "$folder/rgw"
	write_configuration
	export CEPH_CONF=$conf CEPH_ARGS=
	monmaptool -c "$conf" --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1))/0]" \
		"$folder/monmap" --clobber
	ceph-mon -c "$conf" -i a --mkfs --monmap "$folder/monmap" --keyring "$folder/keyring"
	ceph-mon -c "$conf" -i a -f &
	pids+=($!)
	ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd_uuid"
	announce_osd
	ceph-osd -c "$conf" -i 0 -f &
	pids+=($!)
	make_user tester TESTERTESTERTESTER01 tester/secret+tester/secret+tester/000001
	make_user other OTHEROTHEROTHEROTH01 other/secret+other/secret+other/00000001
	radosgw -c "$conf" -n client.rgw --no-mon-config -f &
	pids+=($!)
	wait_for_answers $!
	tail -f /dev/null --pid="$owner" &
	pids+=($!)
	cat >"$folder/env.new" <<-ENV
		TEST_S3_ENDPOINT=http://127.0.0.1:$port
		TEST_S3_REGION=us-east-1
		TEST_S3_KEY=TESTERTESTERTESTER01
		TEST_S3_SECRET=tester/secret+tester/secret+tester/000001
		TEST_S3_OTHER_KEY=OTHEROTHEROTHEROTH01
		TEST_S3_OTHER_SECRET=other/secret+other/secret+other/00000001
		TEST_S3_LOG=$folder/requests.log
		TEST_S3_PIDS='${pids[*]}'
	ENV
	mv "$folder/env.new" "$folder/env"
	wait -n "${pids[@]}" || :
}

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start() {
	local supervisor
	for _ in 1 2 3 4 5; do
		port=$((10000 + (RANDOM * 32768 + RANDOM) % 300 * 32))
		if ! port_is_free "$port" || ! port_is_free $((port + 1)); then continue; fi
		rm -rf "$folder/mon" "$folder/osd" "$folder/rgw" "$folder/env" "$folder/monmap"
		(supervise) >"$folder/log" 2>&1 </dev/null &
		supervisor=$!
		echo "$supervisor" >"$folder/pid"
		while [ ! -e "$folder/env" ] && kill -0 "$supervisor" 2>/dev/null; do sleep 0.02; done
		if [ -e "$folder/env" ]; then return 0; fi
	done
	tail -n 30 "$folder/log" >&2
	return 1
}

stop() {
	local pid
	pid=$(cat "$folder/pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || return 0
	while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	rm -f "$folder/pid"
}

command=${1:-}
case $command in
ready) choose_programs ;;
start | stop)
	mkdir -p "$2"
	folder=$(cd "$2" && pwd -P)
	owner=${3:-$PPID}
	if [ "$command" = stop ]; then stop; else choose_programs && start; fi
	;;
*)
	sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
