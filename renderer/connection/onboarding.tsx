import { t } from '../strings/strings.ts';
import { JoinForm } from './join-form.tsx';

/** The first run: what is possible right here. */
export const TryHere = () => (
  <div className="flex flex-col gap-1 pb-3">
    <h2 className="text-18 font-semibold">{t.start.here}</h2>
    <p className="max-w-[68ch] text-15 text-muted">{t.start.hereBody}</p>
  </div>
);

/** The first run: how others get in. */
export const LetOthersIn = ({ online }: { readonly online: boolean }) => (
  <section
    aria-label={t.start.there}
    className="flex min-w-0 flex-col gap-2 rounded-8 border border-line bg-surface p-4"
  >
    <h2 className="text-18 font-semibold">{t.start.there}</h2>
    <JoinForm online={online} />
  </section>
);
