import { useState } from 'react';
import type { MadeShare } from '../../shared/contract/control-api.ts';
import { Button } from '../controls/button.tsx';
import { Field, INPUT } from '../controls/field.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { CopyLine } from './copy-line.tsx';
import { LIFETIMES, type Lifetime, lifetimeOf } from './lifetimes.ts';

interface MakeLinkProps {
  readonly serviceId: string;
  readonly onMade: () => void;
}

/** Makes a share link, and shows it this once. */
export function MakeLink({ serviceId, onMade }: MakeLinkProps) {
  const [lifetime, setLifetime] = useState<Lifetime>('day');
  const [once, setOnce] = useState(false);
  const [label, setLabel] = useState('');
  const [made, setMade] = useState<MadeShare | undefined>(undefined);
  const call = useCall('shares:create');
  const make = async (): Promise<void> => {
    const name = label.trim();
    const done = await call.run({
      serviceId,
      expires: lifetimeOf(lifetime, Date.now()),
      ...(once ? { uses: 1 } : {}),
      ...(name === '' ? {} : { label: name }),
    });
    if (done === undefined) return;
    setMade(done);
    onMade();
  };
  if (made !== undefined)
    return (
      <section aria-label={t.share.make} className="flex flex-col gap-3">
        <p role="status">{t.share.made}</p>
        <CopyLine url={made.url} primary />
        <Button look="quiet" className="-ml-3 self-start" onClick={() => setMade(undefined)}>
          {t.share.another}
        </Button>
      </section>
    );
  return (
    <form
      aria-label={t.share.make}
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <div>
        <h3 className="text-15 font-semibold">{t.share.make}</h3>
        <p className="text-13 text-muted">{t.share.makeHint}</p>
      </div>
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label={t.share.lifetime}>
          {(ids) => (
            <select
              {...ids}
              value={lifetime}
              onChange={(event) => setLifetime(LIFETIMES.find((known) => known === event.target.value) ?? 'day')}
              className={INPUT}
            >
              {LIFETIMES.map((choice) => (
                <option key={choice} value={choice}>
                  {t.share.lifetimes[choice]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t.share.uses}>
          {(ids) => (
            <select
              {...ids}
              value={once ? 'once' : 'any'}
              onChange={(event) => setOnce(event.target.value === 'once')}
              className={INPUT}
            >
              <option value="any">{t.share.usesAny}</option>
              <option value="once">{t.share.usesOnce}</option>
            </select>
          )}
        </Field>
      </div>
      <Field label={t.share.label} hint={t.share.labelHint}>
        {(ids) => (
          <input
            {...ids}
            value={label}
            maxLength={255}
            autoComplete="off"
            onChange={(event) => setLabel(event.target.value)}
            className={INPUT}
          />
        )}
      </Field>
      <Refusal failure={call.failure} />
      <Button look="primary" type="submit" busy={call.pending} className="self-start">
        {call.pending ? t.share.creating : t.share.create}
      </Button>
    </form>
  );
}
