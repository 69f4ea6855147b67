import type { PageLanguage } from '../page-language.ts';

/** Why a sign-in with a provider did not work. */
export type SignInFault =
  | 'refused'
  | 'askedFirst'
  | 'unavailable'
  | 'spent'
  | 'odd'
  | 'late'
  | 'unreachable'
  | 'untrusted'
  | 'anonymous'
  | 'gone';

/** Every sentence of the pages on which visitors log in. */
const en = {
  title: (service: string) => `Log in to ${service}`,
  heading: 'Log in',
  publishedBy: (publisher: string) => `Published by ${publisher}`,
  password: 'Password',
  pin: 'PIN',
  pinHint: '6 digits',
  enter: 'Continue',
  or: 'or',
  signIn: (provider: string) => `Sign in with ${provider}`,
  failed: 'That was not right. Try again.',
  locked: (seconds: number) =>
    seconds < 90
      ? `Too many failed tries. Wait ${seconds} seconds, then try again.`
      : `Too many failed tries. Wait ${Math.ceil(seconds / 60)} minutes, then try again.`,
  lockedHint: 'This page opens again by itself.',
  busy: 'Too many people are logging in. Try again in a moment.',
  closed: 'Only people with a link, or with credentials of their own, come in here. Ask whoever gave you the address.',
  shareTitle: (service: string) => `Open ${service}`,
  shareText: 'You were given a link that lets you in.',
  shareOnce: 'It works once: open it where you want to use it.',
  shareLeft: (uses: number) => `It can be opened ${uses} more times.`,
  shareOpen: 'Open',
  logoutHeading: 'Log out',
  logoutText: 'You will have to log in again to come back.',
  logoutButton: 'Log out',
  loggedOutHeading: 'You are logged out',
  loggedOutText: 'Close this page, or log in again.',
  loggedOutAgain: 'Log in again',
  foot: 'Served by Porthole',
  signInFaults: {
    refused: 'the provider did not let you in, or you turned back.',
    askedFirst: 'the provider wants to ask you something first.',
    unavailable: 'the provider is not available right now.',
    spent: 'what you came back with is too old. Begin again.',
    odd: 'the provider refused it. Whoever runs this edge finds more in its log.',
    late: 'the provider did not answer in time.',
    unreachable: 'the provider cannot be reached.',
    untrusted: 'the provider’s answer could not be trusted.',
    anonymous: 'the provider said nothing of who you are.',
    gone: 'the provider is not there any more.',
  } satisfies Record<SignInFault, string>,
};

export type LoginWords = typeof en;

const de: LoginWords = {
  title: (service) => `Anmelden bei ${service}`,
  heading: 'Anmelden',
  publishedBy: (publisher) => `Veröffentlicht von ${publisher}`,
  password: 'Passwort',
  pin: 'PIN',
  pinHint: '6 Ziffern',
  enter: 'Weiter',
  or: 'oder',
  signIn: (provider) => `Anmelden mit ${provider}`,
  failed: 'Das war nicht richtig. Versuche es noch einmal.',
  locked: (seconds) =>
    seconds < 90
      ? `Zu viele Fehlversuche. Warte ${seconds} Sekunden und versuche es dann noch einmal.`
      : `Zu viele Fehlversuche. Warte ${Math.ceil(seconds / 60)} Minuten und versuche es dann noch einmal.`,
  lockedHint: 'Diese Seite geht von selbst wieder auf.',
  busy: 'Gerade melden sich zu viele an. Versuche es gleich noch einmal.',
  closed:
    'Hier kommt nur herein, wer einen Link oder eigene Zugangsdaten hat. Frag die Person, von der du die Adresse hast.',
  shareTitle: (service) => `${service} öffnen`,
  shareText: 'Du hast einen Link bekommen, der dich hereinlässt.',
  shareOnce: 'Er gilt einmal: Öffne ihn dort, wo du ihn benutzen willst.',
  shareLeft: (uses) => `Er kann noch ${uses} Mal geöffnet werden.`,
  shareOpen: 'Öffnen',
  logoutHeading: 'Abmelden',
  logoutText: 'Um wiederzukommen, musst du dich neu anmelden.',
  logoutButton: 'Abmelden',
  loggedOutHeading: 'Du bist abgemeldet',
  loggedOutText: 'Schließe diese Seite, oder melde dich wieder an.',
  loggedOutAgain: 'Wieder anmelden',
  foot: 'Bereitgestellt mit Porthole',
  signInFaults: {
    refused: 'Der Anmeldedienst hat dich nicht hereingelassen, oder du bist umgekehrt.',
    askedFirst: 'Der Anmeldedienst will dich erst etwas fragen.',
    unavailable: 'Der Anmeldedienst ist gerade nicht verfügbar.',
    spent: 'Womit du zurückkamst, ist zu alt. Beginne noch einmal.',
    odd: 'Der Anmeldedienst hat abgelehnt. Wer diesen Edge betreibt, findet mehr in seinem Protokoll.',
    late: 'Der Anmeldedienst hat nicht rechtzeitig geantwortet.',
    unreachable: 'Der Anmeldedienst ist nicht erreichbar.',
    untrusted: 'Der Antwort des Anmeldedienstes war nicht zu trauen.',
    anonymous: 'Der Anmeldedienst hat nicht gesagt, wer du bist.',
    gone: 'Den Anmeldedienst gibt es nicht mehr.',
  },
};

/** What the pages say in `language`. */
export const loginWords = (language: PageLanguage): LoginWords => (language === 'de' ? de : en);
