/* Decodes a sound file and plays it: runs in a child, where a noisy driver can harm nobody. */
#include <ao/ao.h>
#include <fcntl.h>
#include <sndfile.h>
#include <unistd.h>

#include "base/library.h"
#include "sound/sound.h"

enum { PLAYED = 0, UNREADABLE = 1, NO_DEVICE = 3, NO_LIBRARY = 4 };
enum { FRAMES = 2048, CHANNELS = 8, LONGEST = 60 /* seconds, then the child ends */ };

struct sound_libraries {
	SNDFILE *(*open)(const char *path, int mode, SF_INFO *info);
	sf_count_t (*readf_float)(SNDFILE *file, float *frames, sf_count_t count);
	int (*close)(SNDFILE *file);
	void (*initialize)(void);
	void (*shutdown)(void);
	int (*driver_id)(const char *name);
	int (*default_driver_id)(void);
	ao_info *(*driver_info)(int driver);
	ao_device *(*open_live)(int driver, ao_sample_format *format, ao_option *options);
	ao_device *(*open_file)(int driver, const char *path, int overwrite,
				ao_sample_format *format, ao_option *options);
	int (*play)(ao_device *device, char *samples, uint_32 bytes);
	int (*close_device)(ao_device *device);
};

static int libraries_load(struct sound_libraries *libraries)
{
#ifdef __APPLE__
	static const char *const decoder[] = {"libsndfile.1.dylib",
					      "/opt/homebrew/lib/libsndfile.1.dylib",
					      "/usr/local/lib/libsndfile.1.dylib", NULL};
	static const char *const player[] = {"libao.4.dylib", "/opt/homebrew/lib/libao.4.dylib",
					     "/usr/local/lib/libao.4.dylib", NULL};
#else
	static const char *const decoder[] = {"libsndfile.so.1", NULL};
	static const char *const player[] = {"libao.so.4", NULL};
#endif
	static const struct library sndfile = {
		.files = decoder, .name = "libsndfile", .purpose = "sounds",
		.package = "libsndfile1"};
	static const struct library ao = {
		.files = player, .name = "libao", .purpose = "sounds", .package = "libao4"};
	struct error err = {0};
	const struct library_function decoding[] = {
		{"sf_open", &libraries->open},
		{"sf_readf_float", &libraries->readf_float},
		{"sf_close", &libraries->close},
	};
	const struct library_function playing[] = {
		{"ao_initialize", &libraries->initialize},
		{"ao_shutdown", &libraries->shutdown},
		{"ao_driver_id", &libraries->driver_id},
		{"ao_default_driver_id", &libraries->default_driver_id},
		{"ao_driver_info", &libraries->driver_info},
		{"ao_open_live", &libraries->open_live},
		{"ao_open_file", &libraries->open_file},
		{"ao_play", &libraries->play},
		{"ao_close", &libraries->close_device},
	};

	if (library_load(&sndfile, decoding, sizeof(decoding) / sizeof(*decoding), &err) < 0)
		return -1;
	return library_load(&ao, playing, sizeof(playing) / sizeof(*playing), &err);
}

/* The device that the environment names, else libao's default; NULL when there is none. */
static ao_device *device_open(const struct sound_libraries *libraries, ao_sample_format *format)
{
	const char *name = getenv("SHIPIT_AUDIO_DRIVER"), *path = getenv("SHIPIT_AUDIO_FILE");
	bool named = name && *name;
	int driver = named ? libraries->driver_id(name) : libraries->default_driver_id();
	ao_info *info = driver < 0 ? NULL : libraries->driver_info(driver);

	/* libao falls back on a driver that plays nothing: that is no device either. */
	if (!info || (!named && !strcmp(info->short_name, "null")))
		return NULL;
	if (info->type == AO_TYPE_FILE)
		return path && *path ? libraries->open_file(driver, path, 1, format, NULL) : NULL;
	return libraries->open_live(driver, format, NULL);
}

/* Returns whether the device took all of it. */
static bool samples_play(const struct sound_libraries *libraries, SNDFILE *file, int channels,
			 ao_device *device)
{
	float frames[FRAMES * CHANNELS];
	short samples[FRAMES * CHANNELS];
	sf_count_t count;

	while ((count = libraries->readf_float(file, frames, FRAMES)) > 0) {
		size_t total = (size_t)count * (size_t)channels;
		for (size_t i = 0; i < total; i++) {
			float value = frames[i] > 1 ? 1 : frames[i] < -1 ? -1 : frames[i];
			samples[i] = (short)(value * 32767);
		}
		if (!libraries->play(device, (char *)samples, (uint_32)(total * sizeof(*samples))))
			return false;
	}
	return true;
}

static int file_play(const struct sound_libraries *libraries, const char *path)
{
	SF_INFO info = {0};
	SNDFILE *file = libraries->open(path, SFM_READ, &info);
	int result = NO_DEVICE;

	if (!file)
		return UNREADABLE;
	if (info.channels < 1 || info.channels > CHANNELS || info.samplerate < 1) {
		libraries->close(file);
		return UNREADABLE;
	}
	libraries->initialize();
	ao_sample_format format = {.bits = 16,
				   .rate = info.samplerate,
				   .channels = info.channels,
				   .byte_format = AO_FMT_NATIVE};
	ao_device *device = device_open(libraries, &format);
	if (device) {
		if (samples_play(libraries, file, info.channels, device))
			result = PLAYED;
		if (!libraries->close_device(device))
			result = NO_DEVICE;
	}
	libraries->shutdown();
	libraries->close(file);
	return result;
}

int sound_child_main(int argc, char **argv)
{
	struct sound_libraries libraries;
	int nowhere = open("/dev/null", O_RDWR);

	if (argc != 1)
		return UNREADABLE;
	/* libao and its drivers write to stderr whatever they are told. */
	if (nowhere >= 0) {
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		close(nowhere);
	}
	alarm(LONGEST);
	if (libraries_load(&libraries))
		return NO_LIBRARY;
	return file_play(&libraries, argv[0]);
}
