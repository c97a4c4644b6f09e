// Passkeys: a button with data-passkey asks the browser for one, puts the answer into its form's field and sends the form.
// `data-passkey`: create or get. The options stand in data-options, or come from the address in data-options-from.
const bytes = (text) => {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};

const text = (buffer) => {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

const withBytes = (options) => {
  const { publicKey } = structuredClone(options);
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const credential of [...(publicKey.excludeCredentials ?? []), ...(publicKey.allowCredentials ?? [])]) {
    credential.id = bytes(credential.id);
  }
  return publicKey;
};

const asJson = (credential) => {
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = text(response[name]);
  }
  if (response.getTransports) parts.transports = response.getTransports();
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response: parts,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
};

const optionsOf = async (button) => {
  if (!button.dataset.optionsFrom) return JSON.parse(button.dataset.options);
  const answer = await fetch(button.dataset.optionsFrom, {
    headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" },
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return (await answer.json()).request_options;
};

const asked = async (button) => {
  const publicKey = withBytes(await optionsOf(button));
  if (button.dataset.passkey === "get") return navigator.credentials.get({ publicKey });
  // Kept in the device, and with its own PIN or fingerprint where it has one: then it signs in without a password too.
  publicKey.authenticatorSelection.residentKey = "preferred";
  publicKey.authenticatorSelection.userVerification = "preferred";
  return navigator.credentials.create({ publicKey });
};

for (const button of document.querySelectorAll("button[data-passkey]")) {
  if (!globalThis.PublicKeyCredential) continue;
  const form = button.form;
  const refusal = form.querySelector("[data-refusal]");
  button.disabled = false;
  for (const part of document.querySelectorAll("[data-needs-passkeys]")) part.hidden = false;
  button.addEventListener("click", async (event) => {
    event.preventDefault();
    refusal.hidden = true;
    button.disabled = true;
    try {
      form.elements.credential.value = JSON.stringify(asJson(await asked(button)));
      form.submit();
    } catch {
      refusal.hidden = false;
      button.disabled = false;
    }
  });
}
