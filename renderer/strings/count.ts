/** `one` of one, else `many` with the number in the place of `#`. */
export const count = (n: number, one: string, many: string): string => (n === 1 ? one : many.replace('#', String(n)));
