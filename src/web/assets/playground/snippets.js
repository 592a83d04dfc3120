// The same request for other programs.

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const quoted = (text) => JSON.stringify(text);

export const SNIPPETS = {
  curl: ({ url, token }) => `curl -i ${url}${token ? ` \\\n  -H ${shell(`Authorization: Bearer ${token}`)}` : ""}`,

  httpie: ({ url, token }) => `http ${url}${token ? ` \\\n  ${shell(`Authorization: Bearer ${token}`)}` : ""}`,

  fetch: ({ url, token }) => {
    const options = token ? `, {\n  headers: { Authorization: ${quoted(`Bearer ${token}`)} },\n}` : "";
    return `const answer = await fetch(${quoted(url)}${options});\nconsole.log(answer.status, await answer.text());`;
  },

  rust: ({ url, token }) =>
    `// reqwest, tokio
let answer = reqwest::Client::new()
    .get(${quoted(url)})
${token ? `    .bearer_auth(${quoted(token)})\n` : ""}    .send()
    .await?;
println!("{}\\n{}", answer.status(), answer.text().await?);`,
};

// Its beginning and end, for reading.
export const short = (token) => (token.length > 32 ? `${token.slice(0, 14)}…${token.slice(-8)}` : token);
