/* Makes sounds/foghorn.ogg: a ship's two-tone air horn, synthesised here and so nobody's property.
 * cc -O2 tools/make-foghorn.c -o make-foghorn -lsndfile -lm && ./make-foghorn sounds/foghorn.ogg */
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATE = 22050, SECONDS_10 = 38, FRAMES = RATE * SECONDS_10 / 10, BLAST = RATE * 29 / 10 };

static const double pi = 3.14159265358979323846;

/* A steady stream of small random numbers, the same in every run: the breath of the horn. */
static double noise(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (double)(*state >> 8) / (double)(1u << 23) - 1.0;
}

/* Loudness over time: the membrane needs a moment to speak, and stops with a grunt. */
static double envelope(double seconds)
{
	const double attack = 0.14, end = (double)BLAST / RATE, fall = 0.22;

	if (seconds < attack)
		return pow(seconds / attack, 1.5);
	if (seconds > end)
		return 0;
	if (seconds > end - fall)
		return pow((end - seconds) / fall, 0.8);
	return 1.0 - 0.08 * (seconds - attack) / end;
}

/* The pitch bends up as the pressure comes, and down as it goes. */
static double bend(double seconds)
{
	const double end = (double)BLAST / RATE;

	if (seconds < 0.2)
		return 0.955 + 0.045 * sin(pi / 2 * seconds / 0.2);
	if (seconds > end - 0.3)
		return 1.0 - 0.09 * (seconds - end + 0.3) / 0.3;
	return 1.0 + 0.0015 * sin(2 * pi * 4.3 * seconds);
}

/* One horn: many harmonics, the brassy ones around 400-900 Hz strongest. */
static double horn(double phase, double frequency)
{
	double sum = 0;

	for (int harmonic = 1; harmonic * frequency < 3600; harmonic++) {
		double hertz = harmonic * frequency;
		double formant = exp(-pow(log(hertz / 480) / 0.85, 2));
		sum += sin(harmonic * phase + 0.3 * harmonic * harmonic) *
		       (0.55 / harmonic + 0.5 * formant / sqrt(harmonic));
	}
	return sum;
}

static void blow(float *out)
{
	static const double tones[] = {87.3, 109.2, 87.9};
	double phases[3] = {0, 1.1, 2.3}, breath = 0;
	unsigned state = 20261123;

	for (int frame = 0; frame < BLAST; frame++) {
		double seconds = (double)frame / RATE, sum = 0;
		for (int tone = 0; tone < 3; tone++) {
			phases[tone] += 2 * pi * tones[tone] * bend(seconds) / RATE;
			sum += horn(phases[tone], tones[tone]);
		}
		breath += 0.12 * (noise(&state) - breath);
		out[frame] += (float)((sum + 0.5 * breath) * envelope(seconds));
	}
}

/* The other shore answers: a few soft, late echoes, each duller than the one before. */
static void echo(float *out)
{
	static const struct {
		int delay;
		double gain;
	} walls[] = {{RATE * 17 / 100, 0.22}, {RATE * 39 / 100, 0.15}, {RATE * 71 / 100, 0.10}};
	float *dry = malloc(sizeof(*dry) * FRAMES);

	if (!dry)
		abort();
	for (int frame = 0; frame < FRAMES; frame++)
		dry[frame] = out[frame];
	for (int wall = 0; wall < 3; wall++) {
		double dull = 0;
		for (int frame = walls[wall].delay; frame < FRAMES; frame++) {
			dull += 0.25 * (dry[frame - walls[wall].delay] - dull);
			out[frame] += (float)(dull * walls[wall].gain);
		}
	}
	free(dry);
}

static void normalise(float *out)
{
	float peak = 0;

	for (int frame = 0; frame < FRAMES; frame++)
		if (fabsf(out[frame]) > peak)
			peak = fabsf(out[frame]);
	for (int frame = 0; frame < FRAMES; frame++)
		out[frame] *=
			0.85f / peak *
			(frame > FRAMES - RATE / 5 ? (float)(FRAMES - frame) / ((float)RATE / 5)
						   : 1.0f);
}

int main(int argc, char **argv)
{
	static float samples[FRAMES];
	SF_INFO info = {
		.samplerate = RATE, .channels = 1, .format = SF_FORMAT_OGG | SF_FORMAT_VORBIS};
	double quality = 0.3;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE.ogg\n", argv[0]);
		return 2;
	}
	blow(samples);
	echo(samples);
	normalise(samples);
	SNDFILE *file = sf_open(argv[1], SFM_WRITE, &info);
	if (!file) {
		fprintf(stderr, "%s: %s\n", argv[1], sf_strerror(NULL));
		return 1;
	}
	sf_command(file, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof(quality));
	sf_set_string(file, SF_STR_TITLE, "shipit's foghorn");
	sf_set_string(file, SF_STR_LICENSE, "MIT; synthesised by tools/make-foghorn.c");
	sf_count_t written = sf_writef_float(file, samples, FRAMES);
	return sf_close(file) || written != FRAMES;
}
