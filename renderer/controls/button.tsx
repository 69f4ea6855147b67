import type { ComponentPropsWithRef } from 'react';

const LOOK = {
  /** The one thing to do. */
  primary: 'bg-accent text-on-accent border-transparent hover:bg-accent-strong',
  plain: 'bg-surface text-text border-edge hover:bg-sunken',
  /** For what stands in running text or a bar. */
  quiet: 'bg-transparent text-accent border-transparent hover:bg-accent-soft',
  destructive: 'bg-bad text-on-bad border-transparent hover:opacity-90',
} as const;

type ButtonProps = ComponentPropsWithRef<'button'> & {
  readonly look?: keyof typeof LOOK;
  /** A call of it is under way: it stays focusable, says so, and ignores clicks. */
  readonly busy?: boolean;
};

/** A button at least 36 px high (44 px where fingers point). `type` is `button` unless said otherwise. */
export function Button({
  look = 'plain',
  busy = false,
  className = '',
  onClick,
  type = 'button',
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
      className={`inline-flex min-h-9 items-center justify-center gap-2 rounded-8 border px-3 text-13 font-semibold whitespace-nowrap transition-colors duration-120 ease-out disabled:opacity-60 pointer-coarse:min-h-11 ${LOOK[look]} ${className}`}
    />
  );
}

type IconButtonProps = ComponentPropsWithRef<'button'> & { readonly 'aria-label': string };

/** A square button of 36 px (44 px where fingers point) that holds an icon. */
export const IconButton = ({ className = '', ...rest }: IconButtonProps) => (
  <button
    type="button"
    {...rest}
    className={`inline-flex size-9 shrink-0 items-center justify-center rounded-8 text-muted transition-colors duration-120 ease-out hover:bg-sunken hover:text-text disabled:opacity-60 pointer-coarse:size-11 ${className}`}
  />
);
