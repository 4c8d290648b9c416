#include "wpa-words.h"

#include "cleanup.h"

struct word {
	int code;
	const char *text;
};

static const struct word statuses[] = {
    {1, "no reason given"},
    {10, "it does not take what this card can do"},
    {12, "for a reason of its own"},
    {13, "it does not know this way of authentication"},
    {14, "messages out of order"},
    {15, "the secret is wrong"},
    {16, "it had no answer in time"},
    {17, "it has no room for another station"},
    {18, "it wants a rate that this card lacks"},
    {27, "only 802.11n stations are let in"},
    {30, "try again later"},
    {31, "it wants protected management frames"},
    {32, "for a reason of quality of service"},
    {33, "it has no bandwidth left"},
    {34, "the connection is too poor"},
    {37, "the request was declined"},
    {40, "an invalid element"},
    {41, "the group cipher does not fit"},
    {42, "the pairwise cipher does not fit"},
    {43, "the kind of authentication does not fit"},
    {44, "a version of WPA that it does not know"},
    {45, "capabilities of WPA that it does not take"},
    {46, "its policy forbids the cipher"},
    {53, "the key that was kept is not known any more"},
    {72, "it has no room for a fast transition"},
    {76, "it is busy and asks for a token"},
    {77, "the group of the key exchange is not supported"},
    {82, "it is overloaded, another one is suggested"},
    {92, "it is overloaded"},
    {104, "only 802.11ac stations are let in"},
    {123, "the password's identifier is not known"},
    {126, "it wants hash to element"},
};

static const struct word reasons[] = {
    {1, "no reason given"},
    {2, "the authentication is not valid any more"},
    {3, "it leaves, or wants us to"},
    {4, "nothing was heard for too long"},
    {5, "it has no room for more stations"},
    {6, "a frame before authentication"},
    {7, "a frame before association"},
    {8, "it leaves"},
    {9, "association before authentication"},
    {12, "another access point is suggested"},
    {13, "an invalid element"},
    {14, "a message that was tampered with"},
    {15, "the handshake took too long: perhaps the passphrase is wrong"},
    {16, "the group key's handshake took too long"},
    {17, "the handshake differs from the announcement"},
    {18, "the group cipher is not valid"},
    {19, "the pairwise cipher is not valid"},
    {20, "the kind of authentication is not valid"},
    {23, "802.1X authentication failed"},
    {24, "its policy forbids the cipher"},
    {34, "too many frames were lost"},
    {36, "the station leaves"},
    {39, "no answer in time"},
    {45, "the other end is not reachable"},
};

static const char *find(const struct word *words, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].code == code)
			return words[i].text;
	return "for an uncommon reason";
}

const char *wpa_status_text(int code)
{
	return find(statuses, ARRAY_LEN(statuses), code);
}

const char *wpa_reason_text(int code)
{
	return find(reasons, ARRAY_LEN(reasons), code);
}
