/* Written by minisign 0.11 itself: a key without a passphrase, and a signature of "hello\n". */
#pragma once
#define SAMPLE_ID "79E2ED1BE2E7B541"
#define SAMPLE_PUBLIC \
	"untrusted comment: minisign public key 79E2ED1BE2E7B541\n" \
	"RWRBtefiG+3ieRSZMZfKYlAGGnJtfzKQqqEycH6SBta244qC8AgYp1EO\n"
#define SAMPLE_SECRET \
	"untrusted comment: minisign encrypted secret key\n" \
	"RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAQbXn4hvt4nlht0H9pZ2DEGqY06+9kpilZUIQ9UezWtJVKXTexGkJuRSZMZfKYlAGGnJt" \
	"fzKQqqEycH6SBta244qC8AgYp1EOAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"A=\n"
#define SAMPLE_SIGNATURE \
	"untrusted comment: signature from minisign secret key\n" \
	"RURBtefiG+3ieQn1mvqkZwu2w+42KVcDg6xKH2xAXrIJsOV+1YGiCJZNstdRbzaSa0bhtC" \
	"U4R0xXHOxzoJ277eJNQi9CYkwG2QY=\n" \
	"trusted comment: timestamp:1795475161	file:m	hashed\n" \
	"p/ksYmySBaddCfjEib8S2lUAQ+0fRu2XKNbDutvqjn6LkMuB5CHaqjRj7rFrd9z/2g137n" \
	"sTonhO1OZyCmATBQ==\n"
