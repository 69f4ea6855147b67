/** The porthole: its pane tells the state by shape first, colour second. */
export type MarkState = 'off' | 'connecting' | 'on' | 'attention' | 'error';

const PANE: Record<MarkState, React.ReactNode> = {
  off: null,
  connecting: <path d="M12 6.75A5.25 5.25 0 0 1 17.25 12" fill="none" stroke="currentColor" strokeWidth="2.5" />,
  on: <circle cx="12" cy="12" r="5.25" fill="currentColor" />,
  attention: <path d="M12 12V6.75A5.25 5.25 0 1 0 17.25 12Z" fill="currentColor" />,
  error: <path d="M6.5 12h11" stroke="currentColor" strokeWidth="2.75" />,
};

/** The mark in the current colour, `size` pixels square. Decorative: the word beside it says the same. */
export const Mark = ({ state, size = 16 }: { readonly state: MarkState; readonly size?: 16 | 20 | 24 | 32 }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 24 24"
    aria-hidden="true"
    focusable="false"
    data-mark={state}
    className="forced-shape shrink-0"
  >
    <circle cx="12" cy="12" r="9.5" fill="none" stroke="currentColor" strokeWidth={size > 20 ? 2.25 : 2.5} />
    {PANE[state]}
  </svg>
);
