import { html, raw } from 'hono/html'

import { accounts } from './accounts.ts'
import { type Html, page } from './layout.ts'

export function loginPage(uid: string, clientId: string): Html {
  return page(
    'Sign in',
    html`<p>to <strong>${clientId}</strong>, as</p>
      <form class="accounts" method="post" action="/interaction/${encodeURIComponent(uid)}">
        ${[...accounts].map(([sub, name]) => html`<button class="quiet" name="account" value="${sub}">${name}</button>`)}
      </form>`,
  )
}

/** `form` is the form of oidc-provider. The form contains a token against CSRF. */
export function confirmLogoutPage(form: string, confirmed: boolean): Html {
  if (!confirmed) {
    return page(
      'Sign out?',
      html`<p>
          An application asks the provider to end your session. Your sessions at the other applications end, too.
        </p>
        ${raw(form)}
        <div class="accounts">
          <button form="op.logoutForm" name="logout" value="yes">Sign out</button>
          <button class="quiet" form="op.logoutForm">Stay signed in</button>
        </div>`,
    )
  }
  return page(
    'Signing out',
    html`${raw(form.replace('</form>', '<input type="hidden" name="logout" value="yes"/></form>'))}
      <noscript><button form="op.logoutForm">Continue</button></noscript>`,
    { script: 'document.forms[0].submit()' },
  )
}

export function loggedOutPage(): Html {
  return page('Signed out', html`<p>You are signed out at the provider.</p>`)
}

export function errorPage(error: string, description: string | undefined): Html {
  return page(
    'That did not work',
    html`<p role="alert">${description ?? ''}</p>
      <p><code>${error}</code></p>`,
  )
}
