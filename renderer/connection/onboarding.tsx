import { t } from '../strings/strings.ts';
import { JoinForm } from './join-form.tsx';

/** The first run: what is possible right here, and how others get in. */
export const Onboarding = ({ online }: { readonly online: boolean }) => (
  <section aria-label={t.start.title} className="grid gap-4 sm:grid-cols-2">
    <div className="flex flex-col gap-2 rounded-8 border border-line bg-surface p-4">
      <h2 className="text-18 font-semibold">{t.start.here}</h2>
      <p className="text-13 text-muted">{t.start.hereBody}</p>
    </div>
    <div className="flex flex-col gap-2 rounded-8 border border-line bg-surface p-4">
      <h2 className="text-18 font-semibold">{t.start.there}</h2>
      <JoinForm online={online} />
    </div>
  </section>
);
