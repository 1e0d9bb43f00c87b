// The application of docs/migrating.md, with one more page.
import { app } from '../snippets/docs-migrating-md/app.ts'

app.get('/me', (request, response) => void response.sendStatus(request.oidc.isAuthenticated() ? 200 : 401))
app.listen(Number(new URL(process.env.BASE_URL!).port), '127.0.0.1')
