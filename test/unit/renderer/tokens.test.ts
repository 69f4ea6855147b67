import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const css = readFileSync(path.join(import.meta.dirname, '../../../renderer/styles.css'), 'utf8');

/** The tokens of the n-th `:root` block: 0 light, 1 dark. */
function tokens(block: number): ReadonlyMap<string, string> {
  const text = [...css.matchAll(/:root \{([^}]*)\}/g)][block]?.[1] ?? '';
  return new Map([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

/** Relative luminance (WCAG 2.2). */
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TEXT: readonly (readonly [string, readonly string[]])[] = [
  ['text', ['ground', 'surface', 'sunken', 'accent-soft', 'warn-soft', 'bad-soft']],
  ['muted', ['ground', 'surface', 'sunken', 'accent-soft', 'warn-soft', 'bad-soft']],
  ['accent', ['ground', 'surface', 'accent-soft']],
  ['live', ['ground', 'surface', 'accent-soft']],
  ['warn', ['ground', 'surface', 'sunken', 'warn-soft', 'accent-soft']],
  ['bad', ['ground', 'surface', 'sunken', 'bad-soft', 'accent-soft']],
  ['on-accent', ['accent', 'accent-strong']],
  ['on-bad', ['bad']],
];
const SHAPES: readonly (readonly [string, readonly string[]])[] = [['edge', ['ground', 'surface', 'sunken']]];

describe.each([
  ['light', tokens(0)],
  ['dark', tokens(1)],
])('the %s tokens', (_, scheme) => {
  const ratio = (front: string, back: string): number => {
    const [a, b] = [scheme.get(front), scheme.get(back)];
    if (a === undefined || b === undefined) throw new Error(`no token ${front} or ${back}`);
    return contrast(a, b);
  };

  it.each(TEXT.flatMap(([front, backs]) => backs.map((back) => [front, back] as const)))(
    'keep %s readable on %s (4.5:1)',
    (front, back) => {
      expect(ratio(front, back)).toBeGreaterThanOrEqual(4.5);
    },
  );

  it.each(SHAPES.flatMap(([front, backs]) => backs.map((back) => [front, back] as const)))(
    'keep the shape %s visible on %s (3:1)',
    (front, back) => {
      expect(ratio(front, back)).toBeGreaterThanOrEqual(3);
    },
  );
});
