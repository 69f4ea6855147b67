import { t } from '../strings/strings.ts';
import { CountryPicker } from './country-picker.tsx';
import type { TabProps } from './details-tab.tsx';
import type { AccessDraft } from './draft.ts';
import { Card, Choice, Section } from './rows.tsx';
import { TextField } from './text-field.tsx';

const isOpen = (access: AccessDraft): boolean =>
  access.allowCidrs.trim() === '' &&
  access.blockCidrs.trim() === '' &&
  access.allowCountries.length === 0 &&
  access.blockCountries.length === 0 &&
  access.crowdsec === 'off';

/** From where visitors may come. */
export function AccessTab({ draft, problems, onChange }: TabProps) {
  const { access } = draft;
  const set = (change: Partial<AccessDraft>): void => onChange({ ...draft, access: { ...access, ...change } });
  const both = access.allowCidrs.trim() !== '' && access.allowCountries.length > 0;
  return (
    <Section title={t.editor.tabs.access} hint={isOpen(access) ? t.editor.accessEverywhere : t.editor.accessSome}>
      <Card label={t.editor.networks}>
        <h3 className="text-15 font-semibold">{t.editor.networks}</h3>
        <div className="grid gap-4 sm:grid-cols-2">
          {(['allowCidrs', 'blockCidrs'] as const).map((list) => (
            <TextField
              key={list}
              label={t.editor[list]}
              hint={t.editor.cidrHint}
              problem={problems[`access ${list}`]}
              value={access[list]}
              onChange={(text) => set({ [list]: text })}
              maxLength={20_000}
              rows={4}
              mono
            />
          ))}
        </div>
      </Card>
      <Card label={t.editor.countries}>
        <h3 className="text-15 font-semibold">{t.editor.countries}</h3>
        <div className="grid gap-4 sm:grid-cols-2">
          {(['allowCountries', 'blockCountries'] as const).map((list) => (
            <CountryPicker
              key={list}
              label={t.editor[list]}
              problem={problems[`access ${list}`]}
              chosen={access[list]}
              onChange={(codes) => set({ [list]: codes })}
            />
          ))}
        </div>
      </Card>
      {both && (
        <Card>
          <Choice
            legend={t.editor.match}
            hint={t.editor.blockWins}
            value={access.allowMatch}
            options={[
              ['all', t.editor.matches.all],
              ['any', t.editor.matches.any],
            ]}
            onChange={(allowMatch) => set({ allowMatch })}
          />
        </Card>
      )}
      <Card>
        <Choice
          legend={t.editor.crowdsec}
          hint={t.editor.crowdsecHint}
          value={access.crowdsec}
          options={[
            ['off', t.editor.crowdsecModes.off],
            ['observe', t.editor.crowdsecModes.observe],
            ['enforce', t.editor.crowdsecModes.enforce],
          ]}
          onChange={(crowdsec) => set({ crowdsec })}
        />
      </Card>
    </Section>
  );
}
