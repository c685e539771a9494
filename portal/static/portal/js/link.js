// The code of a request link stands in the fragment, which no server sees. Without this script
// one types the code; with it, the field is filled and the form sent.
"use strict";
const form = document.querySelector("form[data-link]");
const code = decodeURIComponent(location.hash.slice(1));
if (form && /^[0-9A-Za-z-]{8,12}$/.test(code)) {
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.submit();
}
