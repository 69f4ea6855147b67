/** Every sentence of the pages on which visitors log in. */
export const WORDS = {
  title: (service: string) => `Log in to ${service}`,
  heading: 'Log in',
  publishedBy: (publisher: string) => `Published by ${publisher}`,
  password: 'Password',
  pin: 'PIN',
  pinHint: '6 digits',
  enter: 'Continue',
  or: 'or',
  failed: 'That was not right. Try again.',
  locked: (seconds: number) =>
    seconds < 90
      ? `Too many failed tries. Wait ${seconds} seconds.`
      : `Too many failed tries. Wait ${Math.ceil(seconds / 60)} minutes.`,
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
} as const;
