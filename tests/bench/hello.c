/* The smallest program that does anything. */
#include <stdio.h>

int main(void)
{
    puts("hi");
    return 0;
}
