/* What the pods of these tests run; the image holds nothing else.

   pod serve PORT            answer every HTTP request with "NODE_NAME CLIENT_ADDRESS"
   pod get ADDRESS PORT      print what an HTTP request is answered with
   pod cat FILE              print a file
   pod write FILE TEXT       write a file
*/
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(int number) { (void)number; _exit(0); }

static int fail(const char *what) { perror(what); return 1; }

static int copy(int from) {
    char buffer[4096];
    ssize_t count;
    while ((count = read(from, buffer, sizeof buffer)) > 0)
        if (write(1, buffer, count) != count) return fail("write");
    return count < 0 ? fail("read") : 0;
}

static void answer(int caller, struct sockaddr_in6 *from) {
    char request[4096], address[INET6_ADDRSTRLEN], body[256], reply[512];
    const char *node = getenv("NODE_NAME");
    inet_ntop(AF_INET6, &from->sin6_addr, address, sizeof address);
    const char *plain = strncmp(address, "::ffff:", 7) ? address : address + 7;
    int length = snprintf(body, sizeof body, "%s %s\n", node ? node : "-", plain);
    int total = snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
                         length, body);
    if (read(caller, request, sizeof request) > 0 && write(caller, reply, total) != total) perror("write");
    printf("answered %s\n", plain);
    fflush(stdout);
}

static int serve(const char *port) {
    struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))}, from;
    int yes = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 64)) return fail("listen");
    signal(SIGTERM, end);
    for (;;) {
        socklen_t size = sizeof from;
        int caller = accept(listener, (struct sockaddr *)&from, &size);
        if (caller < 0) continue;
        answer(caller, &from);
        close(caller);
    }
}

static int get(const char *address, const char *port) {
    struct sockaddr_in6 there = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port))};
    const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char text[INET6_ADDRSTRLEN];
    snprintf(text, sizeof text, "%s%s", strchr(address, ':') ? "" : "::ffff:", address);
    if (inet_pton(AF_INET6, text, &there.sin6_addr) != 1) return fail(address);
    int server = socket(AF_INET6, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&there, sizeof there)) return fail("connect");
    if (write(server, request, sizeof request - 1) < 0) return fail("write");
    return copy(server);
}

static int put(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    return file < 0 || write(file, text, strlen(text)) < 0 ? fail(path) : 0;
}

int main(int count, char **words) {
    const char *verb = count > 2 ? words[1] : "";
    if (!strcmp(verb, "serve")) return serve(words[2]);
    if (!strcmp(verb, "get") && count == 4) return get(words[2], words[3]);
    if (!strcmp(verb, "write") && count == 4) return put(words[2], words[3]);
    if (!strcmp(verb, "cat")) return copy(open(words[2], O_RDONLY));
    fprintf(stderr, "pod: serve, get, cat or write\n");
    return 2;
}
