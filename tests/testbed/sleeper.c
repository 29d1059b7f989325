/* Copyright (c) 2026, rke.cis contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stands in for every daemon of a node that no test talks to: it ignores its arguments, sleeps, and exits at once on
 * SIGTERM, SIGINT or SIGQUIT, also as pid 1, so that containers stop without a grace period. No libc: under 1 kB,
 * since each host holds its own copy of each image. */

enum { SIGPROCMASK = 14, EXIT = 60, SIGTIMEDWAIT = 128 };

static long call(long number, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

void _start(void) {
    unsigned long all = ~0UL;
    long signal;

    call(SIGPROCMASK, 0 /* block */, (long)&all, 0, sizeof all);
    for (;;) {
        signal = call(SIGTIMEDWAIT, (long)&all, 0, 0, sizeof all);
        if (signal == 15 || signal == 2 || signal == 3)
            call(EXIT, 0, 0, 0, 0);
    }
}
