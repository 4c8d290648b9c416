/*
 * The guest resolves no names. libevent and libnl refer to the resolver from
 * functions that we never call, and a static glibc would bring 250 KiB of name
 * service with it, which then wants shared libraries at run time. These take its
 * place at link time and refuse.
 */
#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **res)
{
	(void)node;
	(void)service;
	(void)hints;
	*res = NULL;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *res)
{
	(void)res;
}

const char *gai_strerror(int code)
{
	(void)code;
	return "no name service";
}

int getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t hostlen,
    char *serv, socklen_t servlen, int flags)
{
	(void)sa;
	(void)len;
	(void)host;
	(void)hostlen;
	(void)serv;
	(void)servlen;
	(void)flags;
	return EAI_FAIL;
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	(void)number;
	return NULL;
}

struct servent *getservbyname(const char *name, const char *proto)
{
	(void)name;
	(void)proto;
	return NULL;
}
