# One Makefile for everything: `make` builds build/shipit, `make check` runs all tests, `make help`
# tells the rest. VARIANT (release, debug, sanitize, fuzz) chooses flags and the folder below
# $(BUILD); BUILD=DIR builds somewhere else, which two people in one checkout need.
VERSION  := 0.1.0
BUILD    ?= build
VARIANT  ?= release
PREFIX   ?= /usr/local
DATADIR  ?= $(PREFIX)/share
MANDIR   ?= $(DATADIR)/man
PKG_CONFIG ?= pkg-config
FUZZ_SECONDS ?= 60

SYSTEM := $(shell uname -s)
OUT    := $(BUILD)/$(VARIANT)
ifeq ($(VARIANT),release)
PROGRAM := $(BUILD)/shipit
else
PROGRAM := $(OUT)/shipit
endif

ifeq ($(origin CC),default)
CC := cc
endif
ifeq ($(VARIANT),fuzz)
CC := clang
endif
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif

# Linked: what nearly every command needs (libcrypto comes with libgit2 anyway). curl, expat,
# libarchive, libbrotlienc, libsndfile and libao are loaded when first used, so only their headers
# are needed here.
LINKED := jansson libuv libgit2 yaml-0.1 libpcre2-8 libsodium libcrypto zlib
LOADED := libcurl expat libarchive libbrotlienc sndfile ao
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef -Wwrite-strings
ifdef WERROR
WARNINGS += -Werror
endif
HARDENING := -fstack-protector-strong -fPIE
LDHARDENING :=
LDPLATFORM :=
ifeq ($(SYSTEM),Darwin)
PLATFORM := -D_DARWIN_C_SOURCE
# Homebrew keeps this one apart from the system's own, which has no headers.
PKG_CONFIG := PKG_CONFIG_PATH="$(shell brew --prefix libarchive)/lib/pkgconfig:$$PKG_CONFIG_PATH" \
	$(PKG_CONFIG)
else
PLATFORM := -D_GNU_SOURCE
LDHARDENING := -pie -Wl,-z,relro,-z,now
LDPLATFORM := -Wl,--as-needed
endif

FLAGS_release  := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
FLAGS_debug    := -O0 -g3
FLAGS_sanitize := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
FLAGS_fuzz     := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
VARIANT_FLAGS := $(FLAGS_$(VARIANT))

# demo and check install what is missing before they build, in a make of their own: on a bare
# machine there is not even pkg-config yet.
NEEDS_LIBRARIES := $(filter-out check clean demo format help uninstall,$(or $(MAKECMDGOALS),all))
ifneq ($(NEEDS_LIBRARIES),)
LIBRARY_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LINKED) $(LOADED) cmocka 2>/dev/null || \
	$(PKG_CONFIG) --cflags $(LINKED) $(LOADED))
LIBRARY_LDLIBS := $(shell $(PKG_CONFIG) --libs $(LINKED))
# Others' headers are no business of our warnings.
LIBRARY_CFLAGS := $(patsubst -I%,-isystem %,$(filter-out -I/usr/include/opus \
	-I/usr/include/$(shell uname -m)-linux-gnu,$(LIBRARY_CFLAGS)))
TEST_LDLIBS    := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null || echo -lcmocka)
endif

ALL_CPPFLAGS = -Isrc -include base/banned.h $(PLATFORM) -DSHIPIT_VERSION='"$(VERSION)"' \
	$(CPPFLAGS)
ALL_CFLAGS = -std=c17 $(VARIANT_FLAGS) $(WARNINGS) $(HARDENING) \
	$(LIBRARY_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(VARIANT_FLAGS) $(LDHARDENING) $(LDPLATFORM) $(LDFLAGS)
ALL_LDLIBS = $(LIBRARY_LDLIBS) -lpthread -ldl -lm

SOURCES := $(filter-out src/main.c,$(sort $(wildcard src/*/*.c)))
OBJECTS := $(SOURCES:%.c=$(OUT)/%.o)
LIBRARY := $(OUT)/libshipit.a
UNIT_TESTS := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SHIM := $(OUT)/shim.so
SERVERS := $(patsubst tests/servers/%.c,$(OUT)/servers/%,$(sort $(wildcard tests/servers/*_s3.c)))
BENCHES := $(patsubst bench/%.c,$(OUT)/bench/%,$(sort $(wildcard bench/*.c)))

.PHONY: all check unit e2e sanitize fuzz fuzzers bench bench-assets lint format install uninstall demo clean help
.DEFAULT_GOAL := all
.SECONDARY:
.DELETE_ON_ERROR:

all: $(PROGRAM)

help:
	@echo 'all        build $(BUILD)/shipit (default)'
	@echo 'check      install what the tests need, build, run all tests (ONLY=PATTERN: some)'
	@echo 'sanitize   the same tests under ASan, UBSan and LeakSanitizer'
	@echo 'fuzz       fuzz each target for FUZZ_SECONDS=$(FUZZ_SECONDS) seconds'
	@echo 'bench      measure, next to git, ninja and cat'
	@echo 'bench-assets    assets, next to aws, rclone, s5cmd and curl at one S3 server'
	@echo 'bench-hosts     commands and releases on hosts, next to ssh, rsync and others'
	@echo 'lint       layers, headers, sizes, clang-tidy, cppcheck, gcc -fanalyzer, shellcheck'
	@echo 'format     clang-format over all of it'
	@echo 'demo       examples/shop deployed four times behind a real nginx, once in vain'
	@echo 'install, uninstall    below PREFIX=$(PREFIX), DESTDIR honoured'
	@echo 'clean      remove $(BUILD)'

# Objects are built anew when the flags change.
FLAGS_STAMP := $(OUT)/flags
ifneq ($(NEEDS_LIBRARIES),)
$(shell mkdir -p $(OUT); printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CPPFLAGS) $(ALL_CFLAGS))' \
	>$(FLAGS_STAMP).new; cmp -s $(FLAGS_STAMP).new $(FLAGS_STAMP) || \
	cp $(FLAGS_STAMP).new $(FLAGS_STAMP))
endif

COMPILE = @mkdir -p $(@D) && echo '  CC    $<' && \
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
LINK = @mkdir -p $(@D) && echo '  LINK  $@' && $(CC) $(ALL_LDFLAGS) -o $@

$(OUT)/%.o: %.c $(FLAGS_STAMP)
	$(COMPILE)

$(LIBRARY): $(OBJECTS)
	@echo '  AR    $@' && rm -f $@ && $(AR) rcs $@ $(OBJECTS)

$(PROGRAM): $(OUT)/src/main.o $(LIBRARY)
	$(LINK) $(OUT)/src/main.o $(LIBRARY) $(ALL_LDLIBS)

$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(LIBRARY)
	$(LINK) $< $(LIBRARY) $(TEST_LDLIBS) $(ALL_LDLIBS)

$(OUT)/bench/%: $(OUT)/bench/%.o $(LIBRARY)
	$(LINK) $< $(LIBRARY) $(ALL_LDLIBS)

# Outside the fuzz variant a target is linked with a main that replays its corpus.
ifeq ($(VARIANT),fuzz)
$(OUT)/fuzz/%: $(OUT)/tests/fuzz/%.o $(LIBRARY)
	$(LINK) -fsanitize=fuzzer $< $(LIBRARY) $(ALL_LDLIBS)
else
$(OUT)/fuzz/%: $(OUT)/tests/fuzz/%.o $(OUT)/tests/fuzz/replay.o $(LIBRARY)
	$(LINK) $< $(OUT)/tests/fuzz/replay.o $(LIBRARY) $(ALL_LDLIBS)
endif

# Preloaded by the crash matrix: kills shipit, or makes a call fail, at the n-th time.
$(SHIM): tests/shim/shim.c
	@mkdir -p $(@D) && echo '  LINK  $@' && \
	$(CC) -std=c17 -O1 -fPIC -shared $(WARNINGS) -o $@ $< -ldl

# A server of the tests stands alone: it must not share shipit's mistakes.
$(OUT)/servers/million_s3: $(OUT)/tests/servers/million_s3.o $(OUT)/tests/servers/million_store.o
	$(LINK) $^ $(shell $(PKG_CONFIG) --libs libcrypto) -lpthread

tests: $(PROGRAM) $(UNIT_TESTS) $(FUZZERS) $(SHIM) $(SERVERS)
.PHONY: tests

check:
	@tools/deps --tests
	@$(MAKE) --no-print-directory tests
	@BUILD=$(BUILD) OUT=$(OUT) SHIPIT=$(PROGRAM) tools/check $(ONLY)

unit e2e: tests
	@BUILD=$(BUILD) OUT=$(OUT) SHIPIT=$(PROGRAM) tools/check --suite $@ $(ONLY)

sanitize:
	@$(MAKE) --no-print-directory VARIANT=sanitize tests
	@BUILD=$(BUILD) OUT=$(BUILD)/sanitize SHIPIT=$(BUILD)/sanitize/shipit tools/check $(ONLY)

fuzzers: $(FUZZERS)

fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzzers
	@OUT=$(BUILD)/fuzz tools/fuzz $(FUZZ_SECONDS)

benches: $(BENCHES)
.PHONY: benches

bench: all benches
	@OUT=$(OUT) SHIPIT=$(PROGRAM) bench/run $(ONLY)

bench-hosts: all
	@OUT=$(OUT) SHIPIT=$(PROGRAM) bench/hosts $(ONLY)
.PHONY: bench-hosts

bench-assets: all $(SERVERS)
	@BUILD=$(BUILD) OUT=$(OUT) SHIPIT=$(PROGRAM) bench/assets $(ONLY)

lint:
	@BUILD=$(BUILD) LINT_FLAGS='-std=c17 -Isrc -include base/banned.h $(PLATFORM) \
	-DSHIPIT_VERSION="\"0\"" $(WARNINGS) \
	$(LIBRARY_CFLAGS)' tools/lint $(ONLY)

format:
	clang-format -i $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch] tools/*.c bench/*.c)

demo:
	@tools/deps --tests
	@$(MAKE) --no-print-directory all
	@SHIPIT=$(PROGRAM) tools/demo

install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(DATADIR)/shipit'
	install -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/shipit'
	for folder in pipelines playbooks sounds; do \
		install -d '$(DESTDIR)$(DATADIR)/shipit/'$$folder; \
		for file in $$folder/*; do test ! -f "$$file" || \
			install -m 644 "$$file" '$(DESTDIR)$(DATADIR)/shipit/'$$folder; done; done
	install -d '$(DESTDIR)$(MANDIR)/man1'
	for page in docs/*.1; do test ! -f "$$page" || \
		install -m 644 "$$page" '$(DESTDIR)$(MANDIR)/man1'; done
	install -d '$(DESTDIR)$(DATADIR)/bash-completion/completions' \
		'$(DESTDIR)$(DATADIR)/zsh/site-functions' \
		'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d'
	$(PROGRAM) completion bash >'$(DESTDIR)$(DATADIR)/bash-completion/completions/shipit'
	$(PROGRAM) completion zsh >'$(DESTDIR)$(DATADIR)/zsh/site-functions/_shipit'
	$(PROGRAM) completion fish >'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/shipit.fish'

uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/shipit' '$(DESTDIR)$(MANDIR)/man1/shipit.1' \
		'$(DESTDIR)$(DATADIR)/bash-completion/completions/shipit' \
		'$(DESTDIR)$(DATADIR)/zsh/site-functions/_shipit' \
		'$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/shipit.fish'
	rm -rf '$(DESTDIR)$(DATADIR)/shipit'

clean:
	rm -rf $(BUILD)/release $(BUILD)/debug $(BUILD)/sanitize $(BUILD)/fuzz $(BUILD)/shipit \
		$(BUILD)/check

-include $(OBJECTS:.o=.d) $(OUT)/src/main.d $(wildcard $(OUT)/tests/*/*.d $(OUT)/bench/*.d)
