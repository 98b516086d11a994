/* Calls that are errors here: each has a safe word in base/. Force-included by the Makefile. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GNUC__
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets system popen
#endif
