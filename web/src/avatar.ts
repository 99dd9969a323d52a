/** A user's sign: his initials on a tint of his own. Pictures from elsewhere are not loaded. */
import { initials, tintOf } from './text.js';

/** Number of `tint-…` classes in style.css. */
const TINTS = 8;

/** Makes `element` the sign of a user. */
export function paintAvatar(element: HTMLElement, userId: string, name: string): void {
  element.className = `avatar tint-${tintOf(userId, TINTS)}`;
  element.setAttribute('aria-hidden', 'true');
  element.textContent = initials(name);
}
