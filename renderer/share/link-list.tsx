import { isShareLive, type ShareLink } from '../../shared/domain/auth.ts';
import { Button } from '../controls/button.tsx';
import { Refusal } from '../controls/notice.tsx';
import { useCall } from '../state/use-call.ts';
import { t } from '../strings/strings.ts';
import { formatMinute } from '../time/format.ts';

type Standing = keyof typeof t.share.standing;

/** How a share link stands at `now`. */
export function standingOfShare(share: ShareLink, now: number): Standing {
  if (share.revokedAt !== undefined) return 'revoked';
  if (isShareLive(share, now)) return 'open';
  return share.expiresAt <= now ? 'expired' : 'used';
}

function usesOf({ uses, maxUses }: ShareLink): string {
  if (maxUses !== undefined) return t.share.ofUses(uses, maxUses);
  return uses === 0 ? t.share.neverOpened : t.share.opened(uses);
}

interface LinkRowProps {
  readonly share: ShareLink;
  readonly onRevoked: (share: ShareLink) => void;
}

function LinkRow({ share, onRevoked }: LinkRowProps) {
  const call = useCall('shares:revoke');
  const standing = standingOfShare(share, Date.now());
  const name = share.label ?? t.share.unnamed;
  const revoke = async (): Promise<void> => {
    const revoked = await call.run({ id: share.id });
    if (revoked !== undefined) onRevoked(revoked);
  };
  return (
    <li className="flex flex-col gap-1 border-b border-line py-2 last:border-b-0" data-share={standing}>
      <div className="flex items-center gap-3">
        <div className="min-w-0 flex-1">
          <p className="truncate text-15" title={name}>
            {name}
          </p>
          <p className="text-13 text-muted">
            <span className={standing === 'open' ? 'font-semibold text-live' : 'font-semibold'}>
              {t.share.standing[standing]}
            </span>
            {standing === 'open' && ` ${t.share.expires(formatMinute(share.expiresAt))}`}, {usesOf(share)}
          </p>
        </div>
        {standing === 'open' && (
          <Button busy={call.pending} aria-label={t.share.revokeLabel(name)} onClick={() => void revoke()}>
            {call.pending ? t.share.revoking : t.share.revoke}
          </Button>
        )}
      </div>
      <Refusal failure={call.failure} />
    </li>
  );
}

interface LinkListProps {
  readonly shares: readonly ShareLink[];
  readonly onRevoked: (share: ShareLink) => void;
}

/** The share links of a service, newest first; open ones before those that are over. */
export function LinkList({ shares, onRevoked }: LinkListProps) {
  const now = Date.now();
  const open = shares.filter((share) => isShareLive(share, now));
  const over = shares.filter((share) => !isShareLive(share, now));
  return (
    <section aria-label={t.share.list} className="flex flex-col">
      <h3 className="text-15 font-semibold">{t.share.list}</h3>
      {shares.length === 0 ? (
        <p className="text-13 text-muted">{t.share.none}</p>
      ) : (
        <ul>
          {[...open, ...over].map((share) => (
            <LinkRow key={share.id} share={share} onRevoked={onRevoked} />
          ))}
        </ul>
      )}
    </section>
  );
}
