/* QE identity: parse and compare with a report. Input is hostile until its signature is checked. */
#include "attest/dcap/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attest/dcap/quote.h"
#include "lib/base/bytes.h"

static int parse_fields(struct enclave_identity *id)
{
    const json_t *v = id->document.value;
    const char *name = member_string(v, "id");
    uint32_t version, prod;
    if (!name || member_uint(v, "version", 2, &version) || version != 2)
        return -EINVAL;
    id->td_qe = strcmp(name, "TD_QE") == 0;
    id->qve = strcmp(name, "QVE") == 0;
    if (!id->td_qe && !id->qve && strcmp(name, "QE") != 0)
        return -EINVAL;
    if (member_hex(v, "miscselect", id->miscselect, 4) ||
        member_hex(v, "miscselectMask", id->miscselect_mask, 4) ||
        member_hex(v, "attributes", id->attributes, 16) ||
        member_hex(v, "attributesMask", id->attributes_mask, 16) ||
        member_hex(v, "mrsigner", id->mrsigner, 32) ||
        member_uint(v, "isvprodid", UINT16_MAX, &prod))
        return -EINVAL;
    id->isv_prod_id = (uint16_t)prod;
    return 0;
}

int identity_parse(const char *text, size_t size, struct enclave_identity *out)
{
    *out = (struct enclave_identity){ 0 };
    int ret = document_parse(text, size, "enclaveIdentity", &out->document);
    if (ret == 0)
        ret = parse_fields(out);
    if (ret == 0)
        ret = svn_levels_parse(json_object_get(out->document.value, "tcbLevels"), &out->levels);
    return ret;
}

void identity_fini(struct enclave_identity *id)
{
    free(id->levels.level);
    document_fini(&id->document);
    *id = (struct enclave_identity){ 0 };
}

static bool equal_masked(const uint8_t *value, const uint8_t *mask, const uint8_t *want, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((value[i] & mask[i]) != want[i])
            return false;
    return true;
}

const char *identity_mismatch(const struct enclave_identity *id, const uint8_t *report)
{
    if (!equal_masked(report + REPORT_MISCSELECT, id->miscselect_mask, id->miscselect, 4))
        return "MISCSELECT differs";
    if (!equal_masked(report + REPORT_ATTRIBUTES, id->attributes_mask, id->attributes, 16))
        return "ATTRIBUTES differ";
    if (memcmp(report + REPORT_MRSIGNER, id->mrsigner, 32) != 0)
        return "MRSIGNER differs";
    if (load_le16(report + REPORT_ISVPRODID) != id->isv_prod_id)
        return "ISVPRODID differs";
    return NULL;
}
