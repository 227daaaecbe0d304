#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

/*
 * One function per subcommand, each in cli/cmd_NAME.c. argv[0] is the name that the user typed
 * (`sign`, or a compatible name such as `gramine-sgx-sign`); options follow. Every command answers
 * --help itself. They return enum exit_code.
 *
 * To add a command: a prototype here, a row in the table of cli/main.c, a file in cli/meson.build.
 */
enum exit_code {
    EXIT_OK = 0,     /* done */
    EXIT_FAILED = 1, /* could not be done; one line on stderr says what, where and why */
    EXIT_USAGE = 2,  /* the command line is wrong */
};

int cmd_inspect(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_quoting_service(int argc, char **argv);
int cmd_quote(int argc, char **argv);
int cmd_collateral(int argc, char **argv);
int cmd_secret_server(int argc, char **argv);
int cmd_manifest(int argc, char **argv);
int cmd_sign(int argc, char **argv);
int cmd_encrypt(int argc, char **argv);
int cmd_decrypt(int argc, char **argv);

/* Compatible names (argv[0] when the program is called through a link of that name). */
int cmd_gramine_direct(int argc, char **argv);
int cmd_gramine_sgx(int argc, char **argv);
int cmd_gramine_gen_private_key(int argc, char **argv);
int cmd_gramine_manifest(int argc, char **argv);
int cmd_gramine_manifest_check(int argc, char **argv);
int cmd_gramine_sign(int argc, char **argv);
int cmd_gramine_sigstruct_view(int argc, char **argv);
int cmd_pf_crypt(int argc, char **argv);

#endif
