import type { ReactNode } from 'react';
import type { Failure } from '../../shared/domain/failure.ts';
import { sayFailure } from '../strings/failures.ts';
import { Mark, type MarkState } from './mark.tsx';

const TONE = {
  quiet: 'border-line bg-sunken',
  warn: 'border-warn/40 bg-warn-soft',
  bad: 'border-bad/40 bg-bad-soft',
} as const;
const INK = { quiet: 'text-muted', warn: 'text-warn', bad: 'text-bad' } as const;

interface NoticeProps {
  readonly tone: keyof typeof TONE;
  readonly mark: MarkState;
  readonly title?: string;
  readonly children: ReactNode;
}

/** A calm banner: what happened in semibold, what it means and what to do after it. */
export const Notice = ({ tone, mark, title, children }: NoticeProps) => (
  <div className={`flex gap-3 rounded-8 border px-4 py-3 ${TONE[tone]}`}>
    <span className={`pt-0.5 ${INK[tone]}`}>
      <Mark state={mark} />
    </span>
    <div className="max-w-[68ch] min-w-0 text-15 wrap-anywhere">
      {title !== undefined && <strong className="font-semibold">{title} </strong>}
      {children}
    </div>
  </div>
);

/** A refusal beside the control that caused it. */
export const Problem = ({ children }: { readonly children: ReactNode }) => (
  <p role="alert" className="max-w-[68ch] text-13 font-semibold text-bad wrap-anywhere">
    {children}
  </p>
);

/** A refusal as main gave it; nothing while there is none. */
export const Refusal = ({ failure }: { readonly failure: Failure | undefined }) =>
  failure === undefined ? null : <Problem>{sayFailure(failure)}</Problem>;
