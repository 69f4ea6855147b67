import type { GuestState } from '../../shared/contract/agent-state.ts';
import { Button } from '../controls/button.tsx';
import { Mark, type MarkState } from '../controls/mark.tsx';
import { Refusal } from '../controls/notice.tsx';
import { describeTarget } from '../state/address.ts';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { Panel } from './panel.tsx';

function standing(guest: GuestState): { readonly mark: MarkState; readonly ink: string; readonly word: string } {
  if (guest.allowed) return { mark: 'on', ink: 'text-live', word: t.guests.allowed };
  if (guest.refused === true) return { mark: 'off', ink: 'text-muted', word: t.guests.refused };
  return { mark: 'attention', ink: 'text-warn', word: t.guests.waiting };
}

function Guest({ guest, online }: { readonly guest: GuestState; readonly online: boolean }) {
  const allow = useCall('services:allow');
  const { mark, ink, word } = standing(guest);
  const answer = (allowed: boolean): void => void allow.run({ id: guest.id, allowed });
  return (
    <li className="flex min-w-0 flex-col gap-3 p-4 not-first:border-t not-first:border-line">
      <div className="flex min-w-0 flex-wrap items-start gap-3">
        <div className="flex min-w-0 flex-1 basis-60 flex-col gap-1">
          <p className="line-clamp-2 text-15 font-semibold wrap-anywhere">{guest.name}</p>
          <p className="text-13 text-muted wrap-anywhere">
            {t.guests.from(guest.ownerName)} {t.guests.address(guest.domain)}
          </p>
          <p className="text-13 wrap-anywhere">
            {t.guests.reaches}{' '}
            {guest.targets.map((target, at) => (
              <span key={target.id}>
                {at > 0 && ', '}
                <code className="font-mono">{describeTarget(target)}</code>
              </span>
            ))}
          </p>
          <p className={`flex items-center gap-2 text-13 font-semibold ${ink}`}>
            <Mark state={mark} />
            {word}
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          {guest.allowed ? (
            <Button
              aria-label={t.guests.takeBackName(guest.name)}
              disabled={!online}
              busy={allow.pending}
              onClick={() => answer(false)}
            >
              {t.guests.takeBack}
            </Button>
          ) : (
            <>
              {guest.refused !== true && (
                <Button
                  aria-label={t.guests.refuseName(guest.name)}
                  disabled={!online}
                  busy={allow.pending}
                  onClick={() => answer(false)}
                >
                  {t.guests.refuse}
                </Button>
              )}
              <Button
                aria-label={t.guests.allowName(guest.name)}
                disabled={!online}
                busy={allow.pending}
                onClick={() => answer(true)}
              >
                {t.guests.allow}
              </Button>
            </>
          )}
        </div>
      </div>
      <Refusal failure={allow.failure} />
    </li>
  );
}

const rank = (guest: GuestState): number => (guest.allowed ? 1 : guest.refused === true ? 2 : 0);

/** What others asked to publish from this laptop; what waits comes first. */
export function GuestList({ guests, online }: { readonly guests: readonly GuestState[]; readonly online: boolean }) {
  const sorted = guests.toSorted((a, b) => rank(a) - rank(b));
  return (
    <Panel title={t.guests.title}>
      <p className="max-w-[68ch] text-13 text-muted">{t.guests.intro}</p>
      <ul className="rounded-8 border border-line bg-surface">
        {sorted.map((guest) => (
          <Guest key={guest.id} guest={guest} online={online} />
        ))}
      </ul>
    </Panel>
  );
}
