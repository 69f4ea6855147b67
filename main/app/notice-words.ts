import type { SpokenLanguage } from '../../shared/words/say.ts';

interface Words {
  readonly title: string;
  readonly body: string;
}

/** What notifications say. */
export interface NoticeWords {
  readonly offline: (services: number) => Words;
  readonly back: Words;
  readonly certificate: (service: string, reason: string) => Words;
  readonly visitor: (service: string, from: string) => Words;
  readonly hidden: Words;
  readonly link: Words;
}

export const NOTICE_WORDS: Readonly<Record<SpokenLanguage, NoticeWords>> = {
  en: {
    offline: (services) => ({
      title: 'This laptop is offline',
      body: services === 1 ? 'Visitors can’t reach your service.' : `Visitors can’t reach your ${services} services.`,
    }),
    back: { title: 'Back online', body: 'Visitors can reach your services again.' },
    certificate: (service, reason) => ({ title: `${service}: its certificate failed`, body: reason }),
    visitor: (service, from) => ({ title: `${service} has its first visitor`, body: `From ${from}.` }),
    hidden: {
      title: 'Porthole goes on',
      body: 'The window is closed, your services stay up. The tray brings it back.',
    },
    link: { title: 'A link to Porthole was opened', body: 'Nothing has happened yet. Paste it here to look at it.' },
  },
  de: {
    offline: (services) => ({
      title: 'Dieser Laptop ist offline',
      body:
        services === 1
          ? 'Besucher erreichen deinen Dienst nicht.'
          : `Besucher erreichen deine ${services} Dienste nicht.`,
    }),
    back: { title: 'Wieder online', body: 'Besucher erreichen deine Dienste wieder.' },
    certificate: (service, reason) => ({ title: `${service}: Zertifikat fehlgeschlagen`, body: reason }),
    visitor: (service, from) => ({ title: `${service} hat den ersten Besucher`, body: `Von ${from}.` }),
    hidden: {
      title: 'Porthole läuft weiter',
      body: 'Das Fenster ist zu, deine Dienste bleiben oben. Das Symbol in der Leiste holt es zurück.',
    },
    link: {
      title: 'Ein Link zu Porthole wurde geöffnet',
      body: 'Noch ist nichts geschehen. Füge ihn hier ein, um ihn anzusehen.',
    },
  },
};
