<?xml version="1.0" encoding="UTF-8"?>
<!--
  xml-to-json.xsl - any XML document as JSON

  An element with neither attributes nor child elements is its text. Any other is an object: "@name"
  for each attribute, a member for each name of a child, an array where several children have it,
  "#text" for text beside them. Names are without their prefixes. White space between elements goes.

    <a n="1"><b>x</b><b>y</b><c/></a>    {"a":{"@n":"1","b":["x","y"],"c":""}}
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:key name="children" match="*" use="concat(generate-id(..), ' ', local-name())"/>

  <xsl:template match="/">
    <xsl:text>{</xsl:text>
    <xsl:call-template name="string">
      <xsl:with-param name="text" select="local-name(*)"/>
    </xsl:call-template>
    <xsl:text>:</xsl:text>
    <xsl:apply-templates select="*"/>
    <xsl:text>}&#10;</xsl:text>
  </xsl:template>

  <xsl:template match="*[not(@*) and not(*)]">
    <xsl:call-template name="string">
      <xsl:with-param name="text" select="string(.)"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template match="*">
    <xsl:variable name="words" select="text()[normalize-space() != '']"/>
    <xsl:text>{</xsl:text>
    <xsl:for-each select="@*">
      <xsl:if test="position() &gt; 1">,</xsl:if>
      <xsl:call-template name="string">
        <!-- of namesakes the prefix tells them apart -->
        <xsl:with-param name="text">
          <xsl:text>@</xsl:text>
          <xsl:choose>
            <xsl:when test="count(../@*[local-name() = local-name(current())]) &gt; 1">
              <xsl:value-of select="name()"/>
            </xsl:when>
            <xsl:otherwise>
              <xsl:value-of select="local-name()"/>
            </xsl:otherwise>
          </xsl:choose>
        </xsl:with-param>
      </xsl:call-template>
      <xsl:text>:</xsl:text>
      <xsl:call-template name="string">
        <xsl:with-param name="text" select="string(.)"/>
      </xsl:call-template>
    </xsl:for-each>
    <xsl:variable name="attributes" select="count(@*)"/>
    <!-- one member for each name; whoever follows a namesake needs no look-up -->
    <xsl:for-each select="*[not(local-name(preceding-sibling::*[1]) = local-name())]
                          [generate-id() = generate-id(key('children',
                            concat(generate-id(..), ' ', local-name()))[1])]">
      <xsl:if test="$attributes &gt; 0 or position() &gt; 1">,</xsl:if>
      <xsl:call-template name="string">
        <xsl:with-param name="text" select="local-name()"/>
      </xsl:call-template>
      <xsl:text>:</xsl:text>
      <xsl:variable name="namesakes"
                    select="key('children', concat(generate-id(..), ' ', local-name()))"/>
      <xsl:choose>
        <xsl:when test="count($namesakes) &gt; 1">
          <xsl:text>[</xsl:text>
          <xsl:for-each select="$namesakes">
            <xsl:if test="position() &gt; 1">,</xsl:if>
            <xsl:apply-templates select="."/>
          </xsl:for-each>
          <xsl:text>]</xsl:text>
        </xsl:when>
        <xsl:otherwise>
          <xsl:apply-templates select="."/>
        </xsl:otherwise>
      </xsl:choose>
    </xsl:for-each>
    <xsl:if test="$words">
      <xsl:if test="@* or *">,</xsl:if>
      <xsl:text>"#text":"</xsl:text>
      <xsl:for-each select="$words">
        <xsl:call-template name="escaped">
          <xsl:with-param name="text" select="string(.)"/>
        </xsl:call-template>
      </xsl:for-each>
      <xsl:text>"</xsl:text>
    </xsl:if>
    <xsl:text>}</xsl:text>
  </xsl:template>

  <xsl:template name="string">
    <xsl:param name="text"/>
    <xsl:text>"</xsl:text>
    <xsl:call-template name="escaped">
      <xsl:with-param name="text" select="$text"/>
    </xsl:call-template>
    <xsl:text>"</xsl:text>
  </xsl:template>

  <!-- by halves, so that a long text is not a deep one -->
  <xsl:template name="escaped">
    <xsl:param name="text"/>
    <xsl:variable name="half" select="floor(string-length($text) div 2)"/>
    <xsl:choose>
      <xsl:when test="translate($text, '&quot;\&#9;&#10;&#13;', '') = $text">
        <xsl:value-of select="$text"/>
      </xsl:when>
      <xsl:when test="$text = '&quot;'">\"</xsl:when>
      <xsl:when test="$text = '\'">\\</xsl:when>
      <xsl:when test="$text = '&#9;'">\t</xsl:when>
      <xsl:when test="$text = '&#10;'">\n</xsl:when>
      <xsl:when test="$text = '&#13;'">\r</xsl:when>
      <xsl:otherwise>
        <xsl:call-template name="escaped">
          <xsl:with-param name="text" select="substring($text, 1, $half)"/>
        </xsl:call-template>
        <xsl:call-template name="escaped">
          <xsl:with-param name="text" select="substring($text, $half + 1)"/>
        </xsl:call-template>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>
</xsl:stylesheet>
