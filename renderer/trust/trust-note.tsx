import { useState } from 'react';
import type { AgentState } from '../../shared/contract/agent-state.ts';
import { t } from '../strings/strings.ts';
import { TrustDialog } from './trust-dialog.tsx';

/** Offered quietly while this machine does not trust the edge's private certificate. */
export function TrustNote({ state, online }: { readonly state: AgentState; readonly online: boolean }) {
  const [open, setOpen] = useState(false);
  // The dialog outlives the note's cause: it goes on showing what was done after the machine came to trust it.
  if (state.trust !== 'untrusted' && !open) return null;
  // No browser opens the other kinds, so none warns.
  if (state.services.length > 0 && !open && state.services.every((service) => service.mode !== 'http')) return null;
  const plain = state.services.some(({ urls }) => 'http' in urls && urls.http !== undefined);
  return (
    <div className="flex flex-col items-start gap-1 text-13 text-muted">
      <p className="max-w-[68ch]">{plain ? t.trust.http : t.trust.warning}</p>
      <button
        type="button"
        disabled={!online}
        onClick={() => setOpen(true)}
        className="min-h-6 rounded-8 text-left font-semibold text-accent underline underline-offset-2 hover:text-accent-strong disabled:opacity-60 pointer-coarse:min-h-11"
      >
        {t.trust.open}
      </button>
      {open && <TrustDialog state={state} onClose={() => setOpen(false)} />}
    </div>
  );
}
