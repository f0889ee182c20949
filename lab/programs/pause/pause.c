/* Holds the namespaces of a pod: waits until told to end, and reaps children it inherits. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap(int number) { (void)number; while (waitpid(-1, 0, WNOHANG) > 0) {} }
static void end(int number) { (void)number; _exit(0); }

int main(void) {
    signal(SIGINT, end);
    signal(SIGTERM, end);
    signal(SIGCHLD, reap);
    for (;;) pause();
}
