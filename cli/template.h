/* Templates of what is made from the tables when bhyfi is built: manual pages, shells'
 * completions. */
#ifndef BHYFI_TEMPLATE_H
#define BHYFI_TEMPLATE_H

/* What a mark of the template becomes: the text, or what print writes to standard
 * output. A mark that ends with a newline is a line of its own, and all of that line
 * goes. */
struct template_mark {
	const char *mark; /* NULL ends the list */
	const char *text;
	void (*print)(void);
};

/* All of such a program: "NAME TEMPLATE" prints it, filled in. What main returns. */
int template_main(
    const char *name, const struct template_mark *marks, int argc, char **argv);

#endif
